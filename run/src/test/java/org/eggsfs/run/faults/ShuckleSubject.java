package org.eggsfs.run.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsRequest;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;
import org.eggsfs.shuckle.server.ShuckleConfig;
import org.eggsfs.shuckle.server.ShuckleServer;

/** A shuckle: what was registered and the flags that were set must be found. */
final class ShuckleSubject extends FreshSubject {
  private static final int SERVICES = 3;
  private static final Duration SHORT = Duration.ofMillis(400);
  private static final Duration LONG = Duration.ofSeconds(30);

  /** Acknowledged flags by service; a service that is registered only has none. */
  private final Map<Long, Integer> services = new HashMap<>();

  private long lastId;

  ShuckleSubject() {
    super("shuckle");
  }

  @Override
  void forget() {
    services.clear();
  }

  @Override
  public void work(Path directory) throws IOException {
    live(directory, SHORT);
  }

  @Override
  public void settle(Path directory) throws IOException {
    live(directory, LONG);
  }

  private void live(Path directory, Duration patience) throws IOException {
    ShuckleConfig config =
        ShuckleConfig.builder(directory)
            .bindAddresses(List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)))
            .build();
    try (ShuckleServer server = ShuckleServer.start(config);
        ShuckleClient client = new ShuckleClient(server.addresses(), patience, patience)) {
      look(client);
      for (int i = 0; i < SERVICES; i++) {
        long id = ++lastId;
        client.call(new RegisterBlockServicesRequest(List.of(service(id))));
        services.put(id, 0);
        client.call(
            new SetBlockServiceFlagsRequest(
                id, BlockServiceFlags.NO_WRITE, BlockServiceFlags.NO_WRITE));
        services.put(id, BlockServiceFlags.NO_WRITE);
      }
      look(client);
      assertTrue(!server.failure().isDone(), "answers after the disk has failed");
    } catch (EggsException e) {
      throw new IOException("refused: " + e.code(), e);
    }
  }

  private void look(ShuckleClient client) throws IOException, EggsException {
    AllBlockServicesDeprecatedResponse all = client.call(new AllBlockServicesDeprecatedRequest());
    Map<Long, Integer> found = new HashMap<>();
    for (BlockServiceDeprecatedInfo info : all.blockServices()) {
      found.put(info.id(), info.flags());
    }
    services.forEach(
        (id, flags) -> {
          assertTrue(found.containsKey(id), "block service " + id + " is lost");
          assertEquals(flags, found.get(id) & flags, "flags of " + id);
        });
  }

  private static RegisterBlockServiceInfo service(long id) {
    byte[] domain = new byte[16];
    byte[] name = ("domain" + id).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(name, 0, domain, 0, name.length);
    return new RegisterBlockServiceInfo(
        id,
        0,
        Addresses.of(new InetSocketAddress("127.0.0.1", 1000 + (int) id % 60_000)),
        StorageClass.FLASH,
        new FailureDomain(domain),
        new byte[16],
        0,
        0,
        1L << 40,
        1L << 39,
        0,
        ("/disk" + id).getBytes(StandardCharsets.US_ASCII));
  }
}
