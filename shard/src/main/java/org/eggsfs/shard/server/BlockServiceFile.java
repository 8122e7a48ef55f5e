package org.eggsfs.shard.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Crc32c;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.Wire;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.ShardBlockServicesResponse;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.BlockServiceInfoShort;
import org.eggsfs.shard.state.BlockServices;
import org.eggsfs.store.DataDirectory;

/**
 * The last block service list on disk: magic u32, all services (as the shuckle sends them), then
 * for each shard its number and assignment, then a CRC-32C of everything. A damaged file is
 * ignored: it is a cache.
 */
public final class BlockServiceFile {
  private static final System.Logger LOGGER = System.getLogger(BlockServiceFile.class.getName());
  private static final int MAGIC = 0x31535345;

  private final Path path;
  private long savedFingerprint;

  BlockServiceFile(Path path) {
    this.path = path;
  }

  /**
   * What the file holds.
   *
   * @param all the shuckle's list of block services
   * @param shards numbers of the hosted shards
   * @param current for each of them what it may write to
   */
  public record Content(
      AllBlockServicesDeprecatedResponse all,
      List<Integer> shards,
      List<ShardBlockServicesResponse> current) {
    /** What the shuckle has answered. */
    public static Content of(
        AllBlockServicesDeprecatedResponse all,
        List<HostedShard> shards,
        List<ShardBlockServicesResponse> current) {
      return new Content(all, shards.stream().map(shard -> shard.number).toList(), current);
    }

    /** Hands each shard its view of the services. */
    public void installInto(List<HostedShard> hosted) {
      // The full listing carries no location; the assignments do, and only they matter for writes.
      Map<Long, Integer> locations = new HashMap<>();
      for (ShardBlockServicesResponse answer : current) {
        for (BlockServiceInfoShort info : answer.blockServices()) {
          locations.put(info.id(), info.locationId());
        }
      }
      List<BlockServices.Service> services = new ArrayList<>();
      for (BlockServiceDeprecatedInfo info : all.blockServices()) {
        services.add(
            new BlockServices.Service(
                info.id(),
                info.addrs(),
                locations.getOrDefault(info.id(), ProtocolConstants.DEFAULT_LOCATION),
                info.storageClass(),
                info.failureDomain(),
                new CbcMac(info.secretKey()),
                info.flags(),
                info.availableBytes()));
      }
      BlockServices known = BlockServices.of(services);
      for (HostedShard shard : hosted) {
        int i = shards.indexOf(shard.number);
        shard.setBlockServices(i < 0 ? known : known.withCurrent(ids(current.get(i))));
      }
    }

    /** Changes when something changes that a restart would want to know. */
    long fingerprint() {
      long hash = 1;
      for (BlockServiceDeprecatedInfo info : all.blockServices()) {
        hash = 31 * hash + info.id();
        hash = 31 * hash + info.addrs().hashCode();
        hash = 31 * hash + info.flags();
      }
      return 31 * hash + current.hashCode();
    }

    private static long[] ids(ShardBlockServicesResponse answer) {
      return answer.blockServices().stream().mapToLong(BlockServiceInfoShort::id).toArray();
    }
  }

  Optional<Content> load() {
    try {
      byte[] bytes = Files.readAllBytes(path);
      ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      int end = bytes.length - 4;
      if (end < 4 || in.getInt() != MAGIC || in.getInt(end) != Crc32c.sum(0, bytes, 0, end)) {
        throw new MalformedMessageException("bad magic or checksum");
      }
      in.limit(end);
      AllBlockServicesDeprecatedResponse all = AllBlockServicesDeprecatedResponse.decode(in);
      List<Integer> shards = new ArrayList<>();
      List<ShardBlockServicesResponse> current = new ArrayList<>();
      while (in.hasRemaining()) {
        shards.add(Wire.getU8(in));
        current.add(ShardBlockServicesResponse.decode(in));
      }
      Content content = new Content(all, shards, current);
      savedFingerprint = content.fingerprint();
      return Optional.of(content);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException | MalformedMessageException e) {
      LOGGER.log(System.Logger.Level.WARNING, "ignoring the cache " + path + ": " + e.getMessage());
      return Optional.empty();
    }
  }

  void save(Content content) throws IOException {
    long fingerprint = content.fingerprint();
    if (fingerprint == savedFingerprint) {
      return;
    }
    int size = 8 + content.all().encodedSize();
    for (ShardBlockServicesResponse answer : content.current()) {
      size += 1 + answer.encodedSize();
    }
    ByteBuffer out = Frames.buffer(size);
    out.putInt(MAGIC);
    content.all().encode(out);
    for (int i = 0; i < content.shards().size(); i++) {
      out.put((byte) (int) content.shards().get(i));
      content.current().get(i).encode(out);
    }
    out.putInt(Crc32c.sum(0, out.array(), 0, out.position()));
    DataDirectory.replace(path, out.array());
    savedFingerprint = fingerprint;
  }
}
