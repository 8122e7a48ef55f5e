package org.eggsfs.sim.defect;

import java.util.List;
import java.util.function.Supplier;

/**
 * One mistake that somebody could make.
 *
 * @param name for the table and the command
 * @param description what is wrong with it switched on
 * @param edits how it is made; several when one alone has no effect
 */
public record Defect(String name, String description, Supplier<Edit[]> edits) {
  private static final String SHARD = "org.eggsfs.shard.state.";
  private static final String SHARD_ENGINE = "org.eggsfs.shard.server.ShardEngine";
  private static final String CDC = "org.eggsfs.cdc.state.";
  private static final String CDC_ENGINE = "org.eggsfs.cdc.server.CdcEngine";
  private static final String TRANSACTION = SHARD + "Transaction";

  private static Defect of(String name, String description, Supplier<Edit> edit) {
    return new Defect(name, description, () -> new Edit[] {edit.get()});
  }

  /** All that the simulator must see. */
  public static List<Defect> all() {
    return List.of(
        of(
            "answer-before-commit",
            "a shard answers before its changes are durable",
            () -> Edit.redirect(SHARD_ENGINE, "submit", "Committer.submit", "submitAndTell")),
        of(
            "read-uncommitted",
            "a shard answers reads from changes that are not durable",
            () ->
                Edit.confuse(
                    SHARD_ENGINE, "answerRead", "snapshot", "overlay", "org.eggsfs.store.Overlay")),
        of(
            "batches-not-counted",
            "a shard forgets applied changes when an earlier batch becomes durable",
            () -> Edit.leaveOut(SHARD_ENGINE, "submit", "Overlay.beginBatch")),
        of(
            "cdc-before-commit",
            "the CDC sends requests and answers before its steps are durable",
            () -> Edit.redirect(CDC_ENGINE, "take", "Output.requiredIndex", "requiresNothing")),
        of(
            "no-creation-time",
            "an edge is unlinked without a look at its creation time",
            () -> Edit.ignore(TRANSACTION, "requireCurrent", "MISMATCHING_CREATION_TIME")),
        of(
            "late-requests-executed",
            "a shard executes requests of the CDC that come when newer ones are done",
            () -> Edit.leaveOut(SHARD + "ShardState", "apply", "RequestOrder.require")),
        of(
            "edge-lock-ignored",
            "a locked edge can be unlinked",
            () -> Edit.ignore(TRANSACTION, "requireCurrent", "EDGE_IS_LOCKED")),
        new Defect(
            "name-lock-ignored",
            "a locked edge can be overwritten",
            () ->
                new Edit[] {
                  Edit.ignore(TRANSACTION, "createEdge", "NAME_IS_LOCKED"),
                  Edit.ignore(TRANSACTION, "createEdge", "MISMATCHING_TARGET"),
                  Edit.ignore(TRANSACTION, "createEdge", "MISMATCHING_CREATION_TIME")
                }),
        of(
            "directory-overwritten",
            "a name that leads to a directory can be given to something else",
            () -> Edit.ignore(TRANSACTION, "createEdge", "CANNOT_OVERRIDE_NAME")),
        of(
            "copy-hides-version",
            "a copy takes the place of whatever its name leads to now",
            () -> Edit.leaveOut(TRANSACTION, "replaceEdge", "Transaction.requireCurrent")),
        of(
            "no-replace-ignored",
            "a rename that must not replace replaces",
            () ->
                Edit.ignore(
                    SHARD + "SameDirectoryRenameNoReplace", "apply", "CANNOT_OVERRIDE_NAME")),
        of(
            "new-name-taken",
            "a file that must get a new name gets one that is taken",
            () -> Edit.ignore(SHARD + "CommitFile", "apply", "CANNOT_OVERRIDE_NAME")),
        of(
            "overwritten-file-lost",
            "no snapshot edge keeps a file whose name is overwritten",
            () -> Edit.leaveOut(TRANSACTION, "createEdge", "EdgesTable.putSnapshot")),
        of(
            "history-lost",
            "no snapshot edges are left when a name ends",
            () -> Edit.leaveOut(TRANSACTION, "retireEdge", "EdgesTable.putSnapshot")),
        of(
            "times-not-monotone",
            "entries take their time from the wall clock alone",
            () -> Edit.redirect(SHARD_ENGINE, "acceptWrite", "EntryTimes.next", "nowWhatever")),
        of(
            "block-ids-reused",
            "the last block id is not remembered",
            () -> Edit.leaveOut(SHARD + "AddSpan", "allocateBlocks", "MetaTable.putLastBlock")),
        of(
            "proofs-ignored",
            "a span is certified with any proofs",
            () -> Edit.ignore(SHARD + "Proofs", "require", "BAD_BLOCK_PROOF")),
        of(
            "cookies-ignored",
            "anybody may change a transient file",
            () -> Edit.ignore(SHARD + "Preparing", "cookie", "BAD_COOKIE")),
        of(
            "dirty-span-linked",
            "a file gets its name before its last span is certified",
            () -> Edit.ignore(SHARD + "LinkFile", "apply", "LAST_SPAN_STATE_NOT_CLEAN")),
        of(
            "dirty-span-committed",
            "a file is committed without proofs of its last span",
            () -> Edit.ignore(SHARD + "CommitFile", "apply", "LAST_SPAN_STATE_NOT_CLEAN")),
        of(
            "crc-combined-wrong",
            "checksums of blocks are put together without regard to length",
            () -> Edit.redirect("org.eggsfs.core.SpanCrcs", "blockCrcs", "Crc32c.append", "xor")),
        of(
            "listing-off-by-one",
            "a page of a listing begins one behind where it should",
            () -> Edit.oneMore(SHARD + "ReadDir", "run", "EdgesTable.hashKey")),
        of(
            "domains-repeated",
            "two blocks of a span may be in one failure domain",
            () ->
                Edit.redirect(
                    SHARD + "BlockServicePicker", "take", "List.removeIf", "removeNothing")),
        of(
            "unlock-forgotten",
            "an edge stays locked after its transaction",
            () -> Edit.leaveOut(SHARD + "UnlockCurrentEdge", "apply", "EdgesTable.putCurrent")),
        of(
            "full-directory-removed",
            "a directory is removed although it has entries",
            () -> Edit.ignore(SHARD + "RemoveDirectoryOwner", "apply", "DIRECTORY_NOT_EMPTY")),
        of(
            "cdc-locks-shared",
            "transactions that must exclude each other do not",
            () -> Edit.redirect(CDC + "Locks$Builder", "exclusive", "Map.put", "shareIt")),
        of(
            "loops-not-awaited",
            "renames of directories do not wait for each other",
            () -> Edit.redirect(CDC + "RenameAdmission", "judge", "Map.isEmpty", "isEmpty")),
        of(
            "parents-not-kept",
            "the CDC does not note where a new directory is",
            () -> Edit.leaveOut(CDC + "MakeDirectory", "updateParents", "ParentsTable.put")),
        of(
            "answers-forgotten",
            "the CDC executes a repeated request again",
            () -> Edit.redirect(CDC + "Answers", "find", "LinkedHashMap.get", "findNothing")),
        of(
            "deadline-ignored",
            "a file that is still being written can lose its spans",
            () -> Edit.ignore(SHARD + "RemoveSpanInitiate", "apply", "DEADLINE_NOT_PASSED")),
        of(
            "erasures-unproved",
            "a span's blocks count as erased without proofs",
            () -> Edit.leaveOut(SHARD + "RemoveSpanCertify", "apply", "Proofs.require")),
        of(
            "swap-from-condemned",
            "a block is exchanged with one that is being erased",
            () -> Edit.ignore(SHARD + "SwapBlocks", "apply", "SWAP_BLOCKS_MISMATCHING_STATE")),
        of(
            "swap-of-other-bytes",
            "a block is exchanged with one of other bytes",
            () -> Edit.ignore(SHARD + "SwapBlocks", "apply", "SWAP_BLOCKS_MISMATCHING_CRC")),
        new Defect(
            "swap-within-domain",
            "an exchange brings two blocks of a span into one failure domain",
            () ->
                new Edit[] {
                  Edit.ignore(
                      SHARD + "SwapBlocks", "checkIncoming", "SWAP_BLOCKS_DUPLICATE_BLOCK_SERVICE"),
                  Edit.ignore(
                      SHARD + "SwapBlocks", "checkIncoming", "SWAP_BLOCKS_DUPLICATE_FAILURE_DOMAIN")
                }),
        of(
            "swap-not-counted",
            "the files of a block service are not kept up to date when blocks are exchanged",
            () -> Edit.leaveOut(SHARD + "SwapBlocks", "apply", "Transaction.countBlock")),
        of(
            "spans-swapped-unclean",
            "spans are exchanged with one that is being erased",
            () -> Edit.ignore(SHARD + "SwapSpans", "apply", "SWAP_SPANS_NOT_CLEAN")),
        of(
            "moved-span-kept",
            "a span that is moved to another file stays in the first one, too",
            () -> Edit.leaveOut(SHARD + "MoveSpan", "apply", "Transaction.delete")));
  }
}
