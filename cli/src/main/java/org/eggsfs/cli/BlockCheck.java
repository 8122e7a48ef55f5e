package org.eggsfs.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;

/** Asks a block server to read a block and compare it with its CRC. */
final class BlockCheck {
  private BlockCheck() {}

  /** What is wrong with the block, or null. */
  static String error(EggsClient client, StoredSpan.Copy copy, StoredSpan.StoredBlock block)
      throws InterruptedIOException {
    try {
      client
          .blocks()
          .check(
              block.service().addrs(),
              block.service().id(),
              block.id(),
              copy.blockSize(),
              block.crc());
      return null;
    } catch (EggsException e) {
      return Health.where(block) + ": " + CommandRunner.describe(e.code());
    } catch (InterruptedIOException e) {
      throw e;
    } catch (IOException e) {
      return Health.where(block)
          + " at "
          + Tables.addresses(block.service().addrs())
          + ": cannot be asked";
    }
  }
}
