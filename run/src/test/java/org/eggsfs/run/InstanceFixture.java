package org.eggsfs.run;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import org.eggsfs.cli.CommandFailure;

/** A whole instance in this process for tests of other packages. */
public final class InstanceFixture implements AutoCloseable {
  private final LocalInstance instance;

  private InstanceFixture(LocalInstance instance) {
    this.instance = instance;
  }

  /** Starts an instance with its data below a folder and waits until it serves. */
  public static InstanceFixture start(Path folder) throws CommandFailure, InterruptedException {
    InstanceOptions options = InstanceTest.options(folder);
    // Blocks of large spans go to HDD.
    options.hddBlockServices = 1;
    return new InstanceFixture(InstanceTest.startReady(options));
  }

  /** Where clients find the instance. */
  public InetSocketAddress shuckleAddress() {
    return instance.shuckleAddress();
  }

  @Override
  public void close() {
    instance.close();
  }
}
