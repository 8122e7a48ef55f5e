package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.Stat;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.Edge;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code snapshots}: everything a name has ever led to, as far as it is still kept. */
@Command(
    name = "snapshots",
    description = {
      "Show all versions of a name: when it began and ended, and what it led to.",
      "With --contents, those of all names in a directory, also of a removed one; by name, those of",
      "more than 50,000 versions in parts."
    },
    footer = {
      "",
      "States: current; kept (removed or overwritten, 'resurrect' brings it back); moved (is",
      "elsewhere now); removed (a directory); gone (collected); deletion (the name ended)."
    })
final class SnapshotsCommand extends LookingCommand {
  /** Versions that are sorted and looked at together, about 1 KB each; a name is not divided. */
  private static final int SORTED_MAX = 50_000;

  @Parameters(paramLabel = "PATH")
  private String path;

  @Option(
      names = {"-d", "--contents"},
      description = "PATH is a directory: show what is and was in it.")
  private boolean contents;

  /** One version; {@code endNanos} is 0 while it is current. */
  private record Version(Edge edge, long endNanos, Stat stat, String state) {
    long id() {
      return InodeIds.withoutExtra(edge.targetId());
    }
  }

  @Override
  int run(EggsClient client) throws Exception {
    String cleaned = EggsPath.parse(path);
    JsonList list = new JsonList(out);
    List<Edge> edges = new ArrayList<>();
    try {
      if (contents || cleaned.equals("/")) {
        Edges.readByName(
            client,
            History.directory(client, cleaned),
            (first, edge) -> {
              if (first && edges.size() >= SORTED_MAX) {
                show(versions(client, edges), list);
                edges.clear();
              }
              edges.add(edge);
            });
      } else {
        long directory = History.directory(client, EggsPath.parent(cleaned));
        Edges.readName(
            client, directory, EggsPath.bytes(EggsPath.name(cleaned)), edge -> edges.add(edge));
        if (edges.isEmpty()) {
          throw new CommandFailure(cleaned + ": no version of it is kept");
        }
      }
    } catch (EggsException e) {
      throw Failures.at(cleaned, e);
    }
    show(versions(client, edges), list);
    if (json) {
      list.end();
    }
    return ExitCodes.OK;
  }

  /** Edges as versions, the newest of each name first. */
  private static List<Version> versions(EggsClient client, List<Edge> edges)
      throws EggsException, IOException {
    List<Edge> sorted = new ArrayList<>(edges);
    sorted.sort(
        (a, b) -> {
          int names = java.util.Arrays.compareUnsigned(a.name(), b.name());
          return names != 0 ? names : Long.compareUnsigned(b.creationTime(), a.creationTime());
        });
    List<Integer> numbers = new ArrayList<>();
    for (int i = 0; i < sorted.size(); i++) {
      numbers.add(i);
    }
    return Parallel.map(
        numbers,
        i -> {
          Edge edge = sorted.get(i);
          boolean newest =
              i == 0 || !java.util.Arrays.equals(edge.name(), sorted.get(i - 1).name());
          return version(client, edge, newest ? 0 : sorted.get(i - 1).creationTime());
        });
  }

  private static Version version(EggsClient client, Edge edge, long endNanos)
      throws EggsException, IOException {
    long id = InodeIds.withoutExtra(edge.targetId());
    if (id == InodeIds.NULL) {
      return new Version(edge, endNanos, null, "deletion");
    }
    Stat stat;
    try {
      stat = client.inodes().stat(id);
    } catch (EggsException e) {
      if (!Failures.isNotFound(e)) {
        throw e;
      }
      return new Version(edge, endNanos, null, "gone");
    }
    String state;
    if (edge.current()) {
      state = "current";
    } else if (InodeIds.extra(edge.targetId())) {
      state = "kept";
    } else if (InodeIds.isDirectory(id) && stat.owner() == InodeIds.NULL) {
      state = "removed";
    } else {
      state = "moved";
    }
    return new Version(edge, endNanos, stat, state);
  }

  private static ObjectNode toJson(Version version) {
    ObjectNode node = object();
    EggsPath.put(node, "name", EggsPath.text(version.edge.name()));
    node.put("state", version.state);
    node.put("created", MessageJson.timeText(version.edge.creationTime()));
    if (version.endNanos != 0) {
      node.put("ended", MessageJson.timeText(version.endNanos));
    }
    if (version.id() != InodeIds.NULL) {
      node.put("id", InodeIds.format(version.id())).put("type", Attributes.typeName(version.id()));
    }
    if (version.stat != null) {
      node.put("size", version.stat.size());
    }
    return node;
  }

  private void show(List<Version> versions, JsonList list) {
    if (json) {
      versions.forEach(version -> list.add(toJson(version)));
      return;
    }
    TablePrinter table =
        new TablePrinter("CREATED", "ENDED", "STATE", "TYPE", "INODE", ">SIZE", "NAME");
    for (Version version : versions) {
      boolean deletion = version.id() == InodeIds.NULL;
      table.row(
          MessageJson.timeText(version.edge.creationTime()),
          version.endNanos == 0 ? "-" : MessageJson.timeText(version.endNanos),
          version.state,
          deletion ? "-" : Attributes.typeName(version.id()),
          deletion ? "-" : InodeIds.format(version.id()),
          version.stat == null ? "-" : version.stat.size(),
          EggsPath.shown(EggsPath.text(version.edge.name())));
    }
    table.print(out);
  }
}
