/**
 * EggsFS as the kernel sees it: names and attributes with their lifetimes ({@code Names}), files
 * that are read ({@code ReadFile}) and written ({@code WriteFile}), and the decision which close(2)
 * is the last one ({@code CloseJudge}). The operations are in {@code EggsFileSystem} (mount.md
 * sections 3 to 5).
 */
package org.eggsfs.fuse.fs;
