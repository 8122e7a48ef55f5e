package org.eggsfs.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.store.DataDirectory;

/**
 * The block servers of a local instance and the storage classes of their block services. It is kept
 * in the data directory, so that a later start has the same ones without being told, may have more,
 * and never fewer: with block services that are left out, their blocks are.
 *
 * @param servers for each block server the classes of its services, in the order of their
 *     directories
 */
record InstanceShape(List<List<Integer>> servers) {
  /** One line for each block service: its directory and its class. */
  static final String FILE = "block-services";

  private static final int FAILURE_DOMAINS = 16;
  private static final int SERVICES_OF_A_CLASS = 2;

  /**
   * The shape of an instance, grown to what the options ask for, and written down.
   *
   * @throws CommandFailure if the options ask for less than there is
   */
  static InstanceShape of(InstanceLayout layout, InstanceOptions options)
      throws IOException, CommandFailure {
    InstanceShape before = read(layout, options);
    InstanceShape after = before.grown(options);
    if (!after.equals(before) || !Files.exists(layout.root().resolve(FILE))) {
      after.write(layout);
    }
    return after;
  }

  private static InstanceShape read(InstanceLayout layout, InstanceOptions options)
      throws IOException {
    Path file = layout.root().resolve(FILE);
    List<List<Integer>> servers = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(file)) {
        String[] parts = line.strip().split("[/ ]");
        int server = servers.isEmpty() ? 0 : servers.size() - 1;
        if (servers.isEmpty() || !parts[0].equals(InstanceLayout.blockServer(server))) {
          servers.add(new ArrayList<>());
          server = servers.size() - 1;
        }
        List<Integer> classes = servers.get(server);
        if (parts.length != 3
            || !parts[0].equals(InstanceLayout.blockServer(server))
            || !parts[1].equals(Integer.toString(classes.size()))) {
          throw new IOException(file + " is damaged at '" + line + "'");
        }
        classes.add(
            switch (parts[2]) {
              case "HDD" -> StorageClass.HDD;
              case "FLASH" -> StorageClass.FLASH;
              default -> throw new IOException(file + " is damaged at '" + line + "'");
            });
      }
    } catch (NoSuchFileException e) {
      servers = withoutFile(layout, options);
    }
    return new InstanceShape(servers);
  }

  /** Instances from before there was a file: first the HDD services, then the others. */
  private static List<List<Integer>> withoutFile(InstanceLayout layout, InstanceOptions options) {
    int hdd = InstanceOptions.orElse(options.hddBlockServices, SERVICES_OF_A_CLASS);
    List<List<Integer>> servers = new ArrayList<>();
    while (Files.isDirectory(layout.blockService(servers.size(), 0))) {
      List<Integer> classes = new ArrayList<>();
      while (Files.isDirectory(layout.blockService(servers.size(), classes.size()))) {
        classes.add(classes.size() < hdd ? StorageClass.HDD : StorageClass.FLASH);
      }
      servers.add(classes);
    }
    return servers;
  }

  private InstanceShape grown(InstanceOptions options) throws CommandFailure {
    boolean fresh = servers.isEmpty();
    int wanted =
        InstanceOptions.orElse(options.failureDomains, fresh ? FAILURE_DOMAINS : servers.size());
    if (wanted < servers.size()) {
      throw new CommandFailure(
          "this instance has "
              + servers.size()
              + " block servers; --failure-domains "
              + wanted
              + " would leave the blocks on the others out. Start it with --failure-domains "
              + servers.size()
              + " or without the option. To take disks out of use, decommission their block"
              + " services and let them be emptied");
    }
    List<List<Integer>> after = new ArrayList<>();
    for (int i = 0; i < wanted; i++) {
      List<Integer> model =
          i < servers.size() ? servers.get(i) : fresh ? List.of() : servers.getFirst();
      List<Integer> classes = new ArrayList<>(i < servers.size() ? servers.get(i) : List.of());
      grow(classes, StorageClass.HDD, options.hddBlockServices, model, fresh);
      grow(classes, StorageClass.FLASH, options.flashBlockServices, model, fresh);
      after.add(List.copyOf(classes));
    }
    return new InstanceShape(List.copyOf(after));
  }

  private static void grow(
      List<Integer> classes, int storageClass, Integer given, List<Integer> model, boolean fresh)
      throws CommandFailure {
    int wanted =
        InstanceOptions.orElse(
            given, fresh ? SERVICES_OF_A_CLASS : Collections.frequency(model, storageClass));
    int have = Collections.frequency(classes, storageClass);
    if (wanted < have) {
      String name = StorageClass.name(storageClass);
      throw new CommandFailure(
          "the block servers of this instance have "
              + have
              + " "
              + name
              + " block services each, not "
              + wanted
              + ": leaving some out would leave their blocks out. Decommission them instead");
    }
    for (int i = have; i < wanted; i++) {
      classes.add(storageClass);
    }
  }

  private void write(InstanceLayout layout) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int server = 0; server < servers.size(); server++) {
      for (int i = 0; i < servers.get(server).size(); i++) {
        text.append(InstanceLayout.blockServer(server))
            .append('/')
            .append(i)
            .append(' ')
            .append(StorageClass.name(servers.get(server).get(i)))
            .append('\n');
      }
    }
    DataDirectory.replace(layout.root().resolve(FILE), text.toString());
  }

  /** Block servers that have services of a class. */
  int domains(int storageClass) {
    return (int) servers.stream().filter(classes -> classes.contains(storageClass)).count();
  }
}
