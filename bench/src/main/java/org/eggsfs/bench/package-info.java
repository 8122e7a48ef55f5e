/**
 * Measures a running instance through the client library, and the codecs by themselves. Figures are
 * wall-clock; nothing here is asserted.
 */
package org.eggsfs.bench;
