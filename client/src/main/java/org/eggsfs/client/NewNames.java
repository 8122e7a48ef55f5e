package org.eggsfs.client;

import java.io.IOException;
import java.util.Arrays;
import org.eggsfs.client.metadata.MetadataChannel;
import org.eggsfs.client.metadata.RetryPolicy;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.MakeNewDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeNewDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceRequest;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameNoReplaceRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.ShardResponse;

/**
 * Names that must be new: of several clients that want one, one gets it. The messages for it are
 * our own. With servers of TernFS the name is looked up first, which leaves a moment between
 * looking and taking; {@link KindSupport} finds out which of the two it is.
 */
public final class NewNames {
  private static final byte[] NAME = {'x'};

  private final EggsClient client;
  private final ShardSupport shards;
  private final KindSupport cdc;

  NewNames(EggsClient client, MetadataChannel metadata, ShardSupport shards, RetryPolicy cdcRetry) {
    this.client = client;
    this.shards = shards;
    this.cdc =
        new KindSupport(
            new KindSupport.Server() {
              @Override
              public void ask() throws EggsException, IOException {
                // Refused on arrival: no directory has this id.
                metadata.cdc(
                    new MakeNewDirectoryRequest(InodeIds.NULL, NAME),
                    ShardSupport.brief(cdcRetry),
                    null);
              }

              @Override
              public void greet() throws EggsException, IOException {
                // No edge was made at this time, so there is nothing to rename.
                long file = InodeIds.of(InodeIds.FILE, 1, 0);
                metadata.cdc(
                    new RenameFileRequest(file, InodeIds.ROOT, NAME, 1, InodeIds.ROOT + 1, NAME),
                    cdcRetry,
                    null);
              }
            },
            this::inBackground);
  }

  private void inBackground(Runnable work) {
    client.inBackground("eggs-client-ask", work);
  }

  /**
   * Finds out in the background what the CDC knows, so that the first who needs it need not wait.
   */
  public void prepare() {
    inBackground(
        () -> {
          try {
            cdc.isKnown();
          } catch (EggsException | IOException e) {
            // Then the first who needs it asks again.
          }
        });
  }

  /**
   * Makes a directory.
   *
   * @throws EggsException CANNOT_OVERRIDE_NAME if the name exists
   */
  public long makeDirectory(long directory, byte[] name) throws EggsException, IOException {
    if (!cdc.isKnown()) {
      requireFree(directory, name);
      MakeDirectoryResponse made =
          Patience.patiently(() -> client.cdc(new MakeDirectoryRequest(directory, name)));
      return made.id();
    }
    MakeNewDirectoryResponse made =
        Patience.patiently(
            () ->
                ShardSupport.use(
                    cdc, () -> client.cdc(new MakeNewDirectoryRequest(directory, name))));
    return made.id();
  }

  /**
   * Renames, within a directory or between two.
   *
   * @return the inode that has the new name
   * @throws EggsException CANNOT_OVERRIDE_NAME if the new name exists
   */
  public long rename(long oldDirectory, byte[] oldName, long newDirectory, byte[] newName)
      throws EggsException, IOException {
    return Patience.patiently(
        () -> {
          LookupResponse edge = client.inodes().lookupEdge(oldDirectory, oldName);
          if (oldDirectory == newDirectory && Arrays.equals(oldName, newName)) {
            throw new EggsException(ErrorCode.CANNOT_OVERRIDE_NAME);
          }
          if (oldDirectory == newDirectory) {
            renameHere(edge, oldDirectory, oldName, newName);
          } else {
            renameAway(edge, oldDirectory, oldName, newDirectory, newName);
          }
          return edge.targetId();
        });
  }

  private void renameHere(LookupResponse edge, long directory, byte[] oldName, byte[] newName)
      throws EggsException, IOException {
    long target = edge.targetId();
    int shard = InodeIds.shard(directory);
    // A directory never replaces anything.
    if (!InodeIds.isDirectory(target)) {
      if (shards.isKnown(shard)) {
        shards.use(
            shard,
            () ->
                client.<ShardResponse>shard(
                    shard,
                    new SameDirectoryRenameNoReplaceRequest(
                        target, directory, oldName, edge.creationTime(), newName)));
        return;
      }
      requireFree(directory, newName);
    }
    client.shard(
        shard,
        new SameDirectoryRenameRequest(target, directory, oldName, edge.creationTime(), newName));
  }

  private void renameAway(
      LookupResponse edge, long oldDirectory, byte[] oldName, long newDirectory, byte[] newName)
      throws EggsException, IOException {
    long target = edge.targetId();
    long created = edge.creationTime();
    if (InodeIds.isDirectory(target)) {
      client.cdc(
          new RenameDirectoryRequest(
              target, oldDirectory, oldName, created, newDirectory, newName));
    } else if (cdc.isKnown()) {
      ShardSupport.use(
          cdc,
          () ->
              client.<CdcResponse>cdc(
                  new RenameFileNoReplaceRequest(
                      target, oldDirectory, oldName, created, newDirectory, newName)));
    } else {
      requireFree(newDirectory, newName);
      client.cdc(
          new RenameFileRequest(target, oldDirectory, oldName, created, newDirectory, newName));
    }
  }

  /**
   * Looks whether a name is free at the moment.
   *
   * @throws EggsException CANNOT_OVERRIDE_NAME if it is not
   */
  void requireFree(long directory, byte[] name) throws EggsException, IOException {
    try {
      client.inodes().lookup(directory, name);
    } catch (EggsException e) {
      if (e.code() == ErrorCode.NAME_NOT_FOUND) {
        return;
      }
      throw e;
    }
    throw new EggsException(ErrorCode.CANNOT_OVERRIDE_NAME);
  }
}
