/** JMH benchmarks of the codecs' hot paths. */
package org.eggsfs.bench.jmh;
