package org.eggsfs.cdc.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceRequest;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.LookupResponse;

/** Short forms for tests. */
final class CdcFixture {
  private CdcFixture() {}

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static MakeDirectoryResponse mkdir(Simulation simulation, long owner, String name)
      throws EggsException {
    return (MakeDirectoryResponse) simulation.call(new MakeDirectoryRequest(owner, bytes(name)));
  }

  static SoftUnlinkDirectoryRequest rmdir(long owner, MakeDirectoryResponse target, String name) {
    return new SoftUnlinkDirectoryRequest(owner, target.id(), target.creationTime(), bytes(name));
  }

  static RenameFileRequest renameFile(
      LookupResponse file, long oldOwner, String oldName, long newOwner, String newName) {
    return new RenameFileRequest(
        file.targetId(), oldOwner, bytes(oldName), file.creationTime(), newOwner, bytes(newName));
  }

  static RenameFileNoReplaceRequest renameFileNoReplace(
      LookupResponse file, long oldOwner, String oldName, long newOwner, String newName) {
    return new RenameFileNoReplaceRequest(
        file.targetId(), oldOwner, bytes(oldName), file.creationTime(), newOwner, bytes(newName));
  }

  static RenameDirectoryRequest renameDirectory(
      MakeDirectoryResponse directory,
      long oldOwner,
      String oldName,
      long newOwner,
      String newName) {
    return new RenameDirectoryRequest(
        directory.id(),
        oldOwner,
        bytes(oldName),
        directory.creationTime(),
        newOwner,
        bytes(newName));
  }

  static void assertFails(ErrorCode expected, Simulation simulation, CdcRequest request) {
    EggsException e = assertThrows(EggsException.class, () -> simulation.call(request));
    assertEquals(expected, e.code(), () -> "for " + request);
  }
}
