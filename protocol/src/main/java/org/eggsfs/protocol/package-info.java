/**
 * The client-facing wire protocol. {@code src/main/schema/messages.json} is the source of truth;
 * the build generates from it one immutable record per message and struct, kind constants, error
 * codes and constants. Frames, which have no schema, are in {@link org.eggsfs.protocol.Frames}.
 */
package org.eggsfs.protocol;
