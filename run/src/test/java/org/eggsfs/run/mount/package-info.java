/**
 * What applications see of a mount, tested through exact system calls and through the programs that
 * people use, against a real mount of a whole instance.
 */
package org.eggsfs.run.mount;
