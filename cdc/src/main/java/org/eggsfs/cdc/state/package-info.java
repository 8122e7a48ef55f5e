/**
 * The cross-directory coordinator as a pure state machine (cdc.md): transactions, the locks between
 * them, the parent map and the answers given lately. Nothing here knows a clock, a socket or a
 * thread: {@link org.eggsfs.cdc.state.CdcState#apply} takes an entry and says what to send.
 *
 * <p>{@link org.eggsfs.cdc.state.Transaction} tells what all transactions share and which requests
 * must wait for the disk; each subclass is one section of cdc.md chapter 6, its steps an enum.
 */
package org.eggsfs.cdc.state;
