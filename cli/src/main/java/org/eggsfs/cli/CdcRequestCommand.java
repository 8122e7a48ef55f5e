package org.eggsfs.cli;

import java.nio.ByteBuffer;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import picocli.CommandLine.Command;

/** {@code cdc-req}: any request to the CDC. */
@Command(name = "cdc-req", description = "Send any request to the CDC.")
final class CdcRequestCommand extends RawRequestCommand {
  @Override
  String service() {
    return "cdc";
  }

  @Override
  Message send(EggsClient client, int kindNumber, ByteBuffer body) throws Exception {
    CdcResponse response = client.cdc(CdcRequest.decode(kindNumber, body));
    return response;
  }
}
