/** Turns the protocol schema into Java records with codecs; runs during the build only. */
package org.eggsfs.generator;
