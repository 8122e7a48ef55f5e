package org.eggsfs.shard.state;

import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.store.View;

/** One read being answered. */
record Reading(View view, int shard, CbcMac cookieKey, ReadContext context) {
  DirectoriesTable.Row directory(long id, boolean allowSnapshot) throws EggsException {
    return Lookups.directory(view, shard, id, allowSnapshot);
  }

  FilesTable.Row file(long id) throws EggsException {
    return Lookups.file(view, shard, id);
  }

  long cookie(long file) {
    return Certificates.cookie(cookieKey, file);
  }

  /** Bytes of a response body in a datagram of the asked size (shard.md 4.10, wire.md 3.3). */
  int budget(int mtu) {
    int clamped = Math.clamp(mtu, ProtocolConstants.DEFAULT_UDP_MTU, ProtocolConstants.MAX_UDP_MTU);
    return clamped - frameOverhead();
  }

  /** Bytes of a response body in the largest datagram. */
  int budgetMax() {
    return ProtocolConstants.MAX_UDP_MTU - frameOverhead();
  }

  private int frameOverhead() {
    return context.signedChannel()
        ? Frames.SIGNED_RESPONSE_HEADER_SIZE + Frames.MAC_SIZE
        : Frames.UDP_HEADER_SIZE;
  }
}
