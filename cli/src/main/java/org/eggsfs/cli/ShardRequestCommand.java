package org.eggsfs.cli;

import java.nio.ByteBuffer;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code shard-req}: any request to a shard. */
@Command(name = "shard-req", description = "Send any request to a shard.")
final class ShardRequestCommand extends RawRequestCommand {
  @Option(names = "--shard", paramLabel = "N", description = "The shard, 0 to 255.")
  private int shard = -1;

  @Override
  String service() {
    return "shard";
  }

  @Override
  Message send(EggsClient client, int kindNumber, ByteBuffer body) throws Exception {
    if (shard < 0 || shard > 255) {
      throw new CommandFailure(ExitCodes.USAGE, "give --shard 0 to 255");
    }
    ShardResponse response = client.shard(shard, ShardRequest.decode(kindNumber, body));
    return response;
  }
}
