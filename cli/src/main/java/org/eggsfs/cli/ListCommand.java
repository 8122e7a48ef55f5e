package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.ResolvedPath;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.CurrentEdge;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ls}: lists directories. */
@Command(
    name = "ls",
    description = "List directories, by name; those of more than 50,000 entries in parts.")
final class ListCommand extends LookingCommand {
  /** Entries that are sorted and, with -l and as JSON, looked at together: about 1 KB each. */
  private static final int SORTED_MAX = 50_000;

  @Option(names = "-l", description = "One line per entry with type, size, time and inode.")
  private boolean longForm;

  @Option(
      names = {"-R", "--recursive"},
      description = "List subdirectories too.")
  private boolean recursive;

  @Parameters(paramLabel = "PATH", arity = "0..*", description = "What to list (default /).")
  private List<String> paths = List.of("/");

  private record Entry(String name, CurrentEdge edge, Attributes attributes) {}

  @Override
  int run(EggsClient client) throws Exception {
    JsonList list = new JsonList(out);
    int exitCode = ExitCodes.OK;
    for (String path : EggsPath.parse(paths)) {
      try {
        ResolvedPath resolved = client.paths().resolve(path);
        if (InodeIds.isDirectory(resolved.id())) {
          list(client, resolved.id(), path, list, recursive || paths.size() > 1);
        } else {
          CurrentEdge edge =
              new CurrentEdge(resolved.id(), 0, resolved.name(), resolved.creationTime());
          show(path, List.of(entry(client, edge)), list);
        }
      } catch (EggsException e) {
        CommandRunner.error("ls", path + ": " + Failures.words(e));
        exitCode = paths.size() == 1 ? ExitCodes.FAILED : ExitCodes.PARTIAL;
      }
    }
    if (json) {
      list.end();
    }
    return exitCode;
  }

  private void list(EggsClient client, long id, String path, JsonList json, boolean heading)
      throws EggsException, IOException {
    if (heading && !this.json) {
      out.println(EggsPath.shown(path) + ":");
    }
    read(client, id, edges -> show(path, entries(client, edges), json));
    if (recursive) {
      // Read again rather than kept for all levels above.
      read(client, id, edges -> listDirectories(client, edges, path, json));
    }
  }

  private static void read(EggsClient client, long id, Edges.Portion<CurrentEdge> portion)
      throws EggsException, IOException {
    Edges.readCurrent(
        client,
        id,
        SORTED_MAX,
        edges -> {
          edges.sort((a, b) -> Arrays.compareUnsigned(a.name(), b.name()));
          portion.take(edges);
        });
  }

  private void listDirectories(
      EggsClient client, List<CurrentEdge> edges, String path, JsonList json)
      throws EggsException, IOException {
    for (CurrentEdge edge : edges) {
      if (InodeIds.isDirectory(edge.targetId())) {
        if (!this.json) {
          out.println();
        }
        list(client, edge.targetId(), EggsPath.child(path, EggsPath.text(edge.name())), json, true);
      }
    }
  }

  private void show(String path, List<Entry> entries, JsonList list) {
    if (json) {
      for (Entry entry : entries) {
        ObjectNode node = object();
        EggsPath.put(node, "directory", path);
        EggsPath.put(node, "name", entry.name());
        Attributes.putIds(node, entry.edge().targetId(), entry.edge().creationTime());
        if (entry.attributes() != null) {
          entry.attributes().put(node);
        }
        list.add(node);
      }
    } else if (longForm) {
      TablePrinter table = new TablePrinter("T", ">SIZE", "MODIFIED", "INODE", "NAME");
      for (Entry entry : entries) {
        Attributes a = entry.attributes();
        table.row(
            Attributes.typeLetter(entry.edge().targetId()),
            a.stat() == null ? "?" : a.stat().size(),
            a.stat() == null ? "?" : Units.time(a.stat().mtime()),
            InodeIds.format(entry.edge().targetId()),
            a.target() == null
                ? EggsPath.shown(entry.name())
                : EggsPath.shown(entry.name()) + " -> " + EggsPath.shown(a.target()));
      }
      table.print(out);
    } else {
      entries.forEach(entry -> out.println(EggsPath.shown(entry.name())));
    }
  }

  private Entry entry(EggsClient client, CurrentEdge edge) throws EggsException, IOException {
    boolean wanted = longForm || json;
    return new Entry(
        EggsPath.text(edge.name()), edge, wanted ? Attributes.read(client, edge.targetId()) : null);
  }

  /** Attributes of many entries are asked for at the same time. */
  private List<Entry> entries(EggsClient client, List<CurrentEdge> edges)
      throws EggsException, IOException {
    if (!longForm && !json) {
      List<Entry> entries = new ArrayList<>();
      for (CurrentEdge edge : edges) {
        entries.add(entry(client, edge));
      }
      return entries;
    }
    return Parallel.map(edges, edge -> entry(client, edge));
  }
}
