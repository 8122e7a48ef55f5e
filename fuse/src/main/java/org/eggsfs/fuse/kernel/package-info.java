/**
 * The kernel's FUSE protocol, spoken directly on {@code /dev/fuse}: mounting, negotiation,
 * requests, answers, interrupts and notifications. Knows nothing of EggsFS and may serve any file
 * system that implements {@link org.eggsfs.fuse.kernel.FuseOperations}.
 *
 * <p>The path of a request: a reader thread of {@link org.eggsfs.fuse.kernel.FuseSession} reads it
 * from a {@link org.eggsfs.fuse.kernel.FuseChannel}, {@link org.eggsfs.fuse.kernel.Dispatcher}
 * takes its body apart, one method of the operations is called with plain values and a {@link
 * org.eggsfs.fuse.kernel.FuseRequest}, and whoever has the answer, on whatever thread, gives it to
 * that request. Layouts and numbers are those of the kernel's {@code linux/fuse.h}, 7.31 to 7.45
 * ({@link org.eggsfs.fuse.kernel.Abi}).
 */
package org.eggsfs.fuse.kernel;
