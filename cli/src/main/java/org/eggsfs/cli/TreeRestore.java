package org.eggsfs.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.FileWriter;
import org.eggsfs.client.Stat;
import org.eggsfs.client.TreeWalk;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.RestoreDirectoryRequest;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.protocol.struct.Edge;

/**
 * Brings a directory tree back to what it was at a time.
 *
 * <p>What a directory held then follows from its edges: of each name the newest one that is not
 * younger. In place, as much as possible is done with metadata alone, so that inodes stay what they
 * were:
 *
 * <ul>
 *   <li>a file that a snapshot edge owns becomes current again, and one that was renamed inside the
 *       tree moves back;
 *   <li>a removed directory gets its owner and name again (RestoreDirectory of the CDC), and what
 *       was in it is then restored like everything else;
 *   <li>a file or directory that lives outside of the tree now stays there and is copied, since
 *       somebody has put it there on purpose;
 *   <li>what the collector has taken is reported as lost.
 * </ul>
 *
 * With a target directory, everything is copied there instead, and nothing else changes.
 *
 * <p>Asked again after an interruption it goes on: what is right already is left alone. The walk is
 * directory by directory; the files of one are restored by several threads. Memory is a portion of
 * each directory on the way down, and the files that changed their place since.
 */
final class TreeRestore {
  private static final String ASIDE = ".before-restore-";
  private static final int NAME_BYTES_MAX = 255;

  /** What is done with a name. */
  enum Action {
    UNCHANGED,
    RESURRECTED,
    MOVED_BACK,
    COPIED,
    DIRECTORY_RESTORED,
    DIRECTORY_MADE,
    SET_ASIDE,
    REMOVED,
    CONFLICT,
    LOST,
    FAILED;

    /** Whether it means that the tree is not what it was. */
    boolean isFailure() {
      return this == CONFLICT || this == LOST || this == FAILED;
    }

    String words() {
      return name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ');
    }
  }

  /** Told what is done, from several threads. */
  interface Listener {
    /** One name; {@code detail} says why or where, or is empty. */
    void did(Action action, String path, long id, String detail);
  }

  /**
   * What to do.
   *
   * @param asOfNanos the time
   * @param overwrite replace what has a name now; directories are set aside
   * @param exact also remove what came later
   * @param dryRun change nothing
   */
  record Options(long asOfNanos, boolean overwrite, boolean exact, boolean dryRun) {}

  /** A name in a directory, then and now; a null edge stands for nothing. */
  private static final class Entry {
    final byte[] name;
    Edge then;
    Edge now;

    Entry(byte[] name) {
      this.name = name;
    }

    long thenId() {
      return then == null ? InodeIds.NULL : InodeIds.withoutExtra(then.targetId());
    }

    long nowId() {
      return now == null ? InodeIds.NULL : InodeIds.withoutExtra(now.targetId());
    }
  }

  /** Where a file is that has changed its place since then. */
  private record Place(long directory, Edge edge) {}

  private final EggsClient client;
  private final Options options;
  private final Listener listener;
  private final Map<Long, Place> displaced = new ConcurrentHashMap<>();

  /** Files that have left a name which they had then; complete when the restoring begins. */
  private final LongSet moved = new LongSet();

  /** Directories that are where they were. */
  private final Set<Long> restored = new HashSet<>();

  /** Directories that got a copy of what another one held, which is the value. */
  private final Map<Long, Long> copied = new HashMap<>();

  /** Inodes that have left a name of now for one of then. */
  private final Set<Long> movedBack = new HashSet<>();

  private final Map<Action, AtomicLong> counts = new EnumMap<>(Action.class);
  private final AtomicLong bytesCopied = new AtomicLong();
  private long treeRoot;
  private boolean removalSkipped;

  TreeRestore(EggsClient client, Options options, Listener listener) {
    this.client = client;
    this.options = options;
    this.listener = listener;
    for (Action action : Action.values()) {
      counts.put(action, new AtomicLong());
    }
  }

  long count(Action action) {
    return counts.get(action).get();
  }

  private boolean hasFailures() {
    for (Action action : Action.values()) {
      if (action.isFailure() && count(action) > 0) {
        return true;
      }
    }
    return false;
  }

  /** Whether nothing that came later was removed, because not all that was there came back. */
  boolean isRemovalSkipped() {
    return removalSkipped;
  }

  long bytesCopied() {
    return bytesCopied.get();
  }

  /** Restores the tree where it was; directories above it that are gone are restored first. */
  void inPlace(String path) throws EggsException, IOException, CommandFailure {
    long at = InodeIds.ROOT;
    String reached = "";
    for (byte[] name : EggsPath.components(path)) {
      reached = reached + "/" + EggsPath.text(name);
      Entry entry = entry(at, name);
      long id = directoryThen(reached, entry);
      if (entry.nowId() != id) {
        Stat stat = statOrNull(id);
        if (stat != null && stat.owner() != InodeIds.NULL) {
          throw new CommandFailure(
              reached
                  + ": that directory is now "
                  + new PathFinder(client).directory(id)
                  + "; restore it there, or a copy with --to");
        }
        if (restoreDirectory(at, reached, entry) == InodeIds.NULL) {
          return;
        }
      }
      at = id;
    }
    treeRoot = at;
    findDisplaced(at, path);
    restoreDirectories(at, path);
    restoreFiles(at, path);
    if (options.exact()) {
      // What could not be restored may be what has another name now.
      removalSkipped = hasFailures();
      if (!removalSkipped) {
        long root = at;
        guarded(path, root, () -> removeNewer(root, root, path));
      }
    }
  }

  /** Copies the tree as it was into another directory, which is made if it does not exist. */
  void copyTo(String path, String to) throws EggsException, IOException, CommandFailure {
    long at = InodeIds.ROOT;
    String reached = "";
    for (byte[] name : EggsPath.components(path)) {
      reached = reached + "/" + EggsPath.text(name);
      at = directoryThen(reached, entry(at, name));
    }
    long target;
    if (options.dryRun()) {
      target = InodeIds.NULL;
    } else {
      try {
        target = client.paths().mkdirs(to);
      } catch (EggsException e) {
        throw Failures.at(to, e);
      }
    }
    copyContents(at, target, to);
  }

  private static long directoryThen(String path, Entry entry) throws CommandFailure {
    long id = entry.thenId();
    if (id == InodeIds.NULL) {
      throw new CommandFailure(
          path + ": did not exist then, or is not remembered; see eggs cli snapshots " + path);
    }
    if (!InodeIds.isDirectory(id)) {
      throw new CommandFailure(path + ": was no directory then");
    }
    return id;
  }

  private void did(Action action, String path, long id, String detail) {
    counts.get(action).incrementAndGet();
    if (action != Action.UNCHANGED) {
      listener.did(action, path, id, detail);
    }
  }

  // ---- then and now ----

  private void note(Entry entry, Edge edge) {
    if (Long.compareUnsigned(edge.creationTime(), options.asOfNanos()) <= 0
        && (entry.then == null
            || Long.compareUnsigned(edge.creationTime(), entry.then.creationTime()) > 0)) {
      entry.then = edge;
    }
    if (edge.current()) {
      entry.now = edge;
    }
  }

  private Entry entry(long directory, byte[] name) throws EggsException, IOException {
    Entry entry = new Entry(name);
    Edges.readName(
        client,
        directory,
        name,
        edge -> {
          note(entry, edge);
          return true;
        });
    return entry;
  }

  /** The names of a directory with what they led to then and lead to now, in portions. */
  private void read(long directory, Edges.Portion<Entry> portion)
      throws EggsException, IOException {
    List<Entry> entries = new ArrayList<>();
    Edges.readByName(
        client,
        directory,
        (first, edge) -> {
          if (first) {
            if (entries.size() == Edges.PORTION_MAX) {
              portion.take(List.copyOf(entries));
              entries.clear();
            }
            entries.add(new Entry(edge.name()));
          }
          note(entries.getLast(), edge);
        });
    portion.take(entries);
  }

  /**
   * Remembers where the files are that have left a name of then. An older owning edge is where its
   * file was then, or a version that was not visible then.
   */
  private void findDisplaced(long root, String path) throws IOException {
    // First which files those are: the new ones of a tree may be too many to remember.
    walk(
        root,
        path,
        visit -> {
          // A file that goes leaves an edge behind that does not own it.
          if (!visit.current() && !visit.owned() && !isLater(visit)) {
            synchronized (moved) {
              moved.add(visit.id());
            }
          }
        });
    walk(
        root,
        path,
        visit -> {
          if ((visit.current() || visit.owned()) && isLater(visit) && moved.contains(visit.id())) {
            Edge edge =
                new Edge(
                    visit.current(),
                    InodeIds.withExtra(visit.id(), visit.owned()),
                    0,
                    visit.name(),
                    visit.creationTime());
            displaced.put(visit.id(), new Place(visit.parent(), edge));
          }
        });
  }

  private boolean isLater(TreeWalk.Visit visit) {
    return Long.compareUnsigned(visit.creationTime(), options.asOfNanos()) > 0;
  }

  /** Visits the edges to files of the tree, from several threads. */
  private void walk(long root, String path, Consumer<TreeWalk.Visit> files) throws IOException {
    TreeWalk.walkSnapshots(
        client,
        root,
        path,
        visit -> {
          if (InodeIds.isDirectory(visit.id())) {
            // A directory that lives elsewhere now is not part of the tree; one that the collector
            // has taken leads nowhere, and is told of where it is missed.
            return visit.current() || TreeWalks.isRemoved(client, visit.id());
          }
          files.accept(visit);
          return true;
        });
  }

  // ---- in place ----

  /** Directories come first: a file can be moved only out of a directory that lives. */
  private void restoreDirectories(long directory, String path) throws EggsException, IOException {
    read(
        directory,
        entries -> {
          for (Entry entry : entries) {
            if (InodeIds.isDirectory(entry.thenId())) {
              String where = child(path, entry);
              guarded(where, entry.thenId(), () -> restoreSubdirectory(directory, where, entry));
            }
          }
        });
  }

  private void restoreFiles(long directory, String path) throws EggsException, IOException {
    read(directory, entries -> restoreFiles(directory, path, entries));
  }

  private void restoreFiles(long directory, String path, List<Entry> entries)
      throws EggsException, IOException {
    List<Entry> own = new ArrayList<>();
    List<Entry> others = new ArrayList<>();
    List<Entry> directories = new ArrayList<>();
    for (Entry entry : entries) {
      long id = entry.thenId();
      if (InodeIds.isDirectory(id)) {
        if (restored.contains(id)) {
          directories.add(entry);
        }
      } else if (id != InodeIds.NULL) {
        if (entry.nowId() == id) {
          did(Action.UNCHANGED, child(path, entry), id, "");
        } else {
          (isOwned(entry.then) ? own : others).add(entry);
        }
      }
    }
    Parallel.map(
        own,
        entry -> {
          guarded(child(path, entry), entry.thenId(), () -> restoreOwn(directory, path, entry));
          return true;
        });
    // One after the other, since names may change places with each other.
    for (Entry entry : others) {
      guarded(child(path, entry), entry.thenId(), () -> restoreOther(directory, path, entry));
    }
    for (Entry entry : directories) {
      long id = entry.thenId();
      String where = child(path, entry);
      guarded(where, id, () -> restoreFiles(id, where));
    }
  }

  private interface Step {
    void run() throws EggsException, IOException;
  }

  /** One name that fails does not end the others. */
  private void guarded(String path, long id, Step step) throws IOException {
    try {
      step.run();
    } catch (EggsException e) {
      did(Action.FAILED, path, id, Failures.words(e));
    } catch (java.io.InterruptedIOException e) {
      throw e;
    } catch (IOException e) {
      did(Action.FAILED, path, id, CommandRunner.describe(e));
    }
  }

  private static boolean isOwned(Edge edge) {
    return !edge.current() && InodeIds.extra(edge.targetId());
  }

  /** The edge of then still owns the file. */
  private void restoreOwn(long directory, String path, Entry old)
      throws EggsException, IOException {
    // The listing may be minutes old, and what has got the name since would be replaced.
    Entry entry = options.dryRun() ? old : entry(directory, old.name);
    String where = child(path, entry);
    if (entry.nowId() == entry.thenId()) {
      did(Action.UNCHANGED, where, entry.thenId(), "");
      return;
    }
    if (!makeRoom(directory, where, entry)) {
      return;
    }
    long id = entry.thenId();
    if (!options.dryRun()) {
      client.inodes().resurrect(id, directory, entry.name, entry.then.creationTime(), entry.name);
    }
    did(Action.RESURRECTED, where, id, "");
  }

  /** The file has gone through other names since. */
  private void restoreOther(long directory, String path, Entry old)
      throws EggsException, IOException {
    // What we did since the listing may have changed this name too.
    Entry entry = options.dryRun() ? old : entry(directory, old.name);
    String where = child(path, entry);
    long id = entry.thenId();
    if (entry.nowId() == id) {
      did(Action.UNCHANGED, where, id, "");
      return;
    }
    Place place = displaced.get(id);
    if (place == null) {
      copyHere(directory, where, entry);
      return;
    }
    if (!place.edge.current() && !isAlive(place.directory)) {
      // A directory keeps it that is removed and was not in the tree then.
      copyHere(directory, where, entry);
      return;
    }
    if (!makeRoom(directory, where, entry)) {
      return;
    }
    if (!options.dryRun()) {
      if (place.edge.current()) {
        client
            .inodes()
            .renameEdge(
                id,
                place.directory,
                place.edge.name(),
                place.edge.creationTime(),
                directory,
                entry.name);
      } else {
        FileRestore.move(client, id, place.directory, place.edge, directory, entry.name);
      }
      displaced.remove(id);
    }
    movedBack.add(id);
    did(Action.MOVED_BACK, where, id, "was " + shown(place.edge.name()));
  }

  private void copyHere(long directory, String where, Entry entry)
      throws EggsException, IOException {
    long id = entry.thenId();
    if (entry.now != null && sameContent(id, entry.nowId())) {
      did(Action.UNCHANGED, where, id, "");
      return;
    }
    if (statOrNull(id) == null) {
      did(Action.LOST, where, id, "the file is collected");
    } else if (makeRoom(directory, where, entry)) {
      copyFile(id, directory, entry.name, where);
    }
  }

  /**
   * Sees to it that a name can be taken: a file is replaced and becomes a snapshot, a directory is
   * set aside.
   *
   * @return whether it can
   */
  private boolean makeRoom(long directory, String where, Entry entry)
      throws EggsException, IOException {
    if (entry.now == null) {
      return true;
    }
    long nowId = entry.nowId();
    if (!options.overwrite()) {
      did(
          Action.CONFLICT,
          where,
          entry.thenId(),
          "the name is " + InodeIds.format(nowId) + " now; --overwrite replaces it");
      return false;
    }
    if (InodeIds.isDirectory(nowId) || InodeIds.isDirectory(entry.thenId())) {
      byte[] aside = asideName(entry.name, nowId);
      if (!options.dryRun()) {
        long created =
            client
                .inodes()
                .renameEdge(
                    nowId, directory, entry.name, entry.now.creationTime(), directory, aside);
        displaced.computeIfPresent(
            nowId, (_, _) -> new Place(directory, new Edge(true, nowId, 0, aside, created)));
      }
      did(Action.SET_ASIDE, where, nowId, "is now " + shown(aside));
    } else if (moved.contains(nowId)) {
      // Somewhere else in the tree this may be the file that is wanted.
      displaced.put(
          nowId,
          new Place(
              directory,
              new Edge(
                  false,
                  InodeIds.withExtra(nowId, true),
                  0,
                  entry.name,
                  entry.now.creationTime())));
    }
    return true;
  }

  private static byte[] asideName(byte[] name, long id) {
    byte[] suffix = EggsPath.bytes(ASIDE + Long.toHexString(id));
    byte[] aside =
        java.util.Arrays.copyOf(
            name, Math.min(name.length, NAME_BYTES_MAX - suffix.length) + suffix.length);
    System.arraycopy(suffix, 0, aside, aside.length - suffix.length, suffix.length);
    return aside;
  }

  private void restoreSubdirectory(long directory, String where, Entry old)
      throws EggsException, IOException {
    Entry entry = options.dryRun() ? old : entry(directory, old.name);
    long id = entry.thenId();
    if (entry.nowId() == id) {
      did(Action.UNCHANGED, where, id, "");
      restored.add(id);
      restoreDirectories(id, where);
      return;
    }
    Stat stat = statOrNull(id);
    if (stat != null && stat.owner() != InodeIds.NULL && !isInTree(stat.owner())) {
      copyDirectoryHere(directory, where, entry);
      return;
    }
    if (restoreDirectory(directory, where, entry) != InodeIds.NULL) {
      restored.add(id);
      restoreDirectories(id, where);
    }
  }

  /**
   * Makes the directory of then the one that has the name.
   *
   * @return its id, NULL where that is not possible
   */
  private long restoreDirectory(long owner, String where, Entry entry)
      throws EggsException, IOException {
    long id = entry.thenId();
    Stat stat = statOrNull(id);
    if (stat == null) {
      did(Action.LOST, where, id, "the directory and what was in it are collected");
      return InodeIds.NULL;
    }
    if (!makeRoom(owner, where, entry)) {
      return InodeIds.NULL;
    }
    if (stat.owner() == InodeIds.NULL) {
      if (!options.dryRun()) {
        restoreRemoved(id, owner, entry.name);
      }
      did(Action.DIRECTORY_RESTORED, where, id, "");
      return id;
    }
    Edge edge = edgeTo(stat.owner(), id);
    if (edge == null) {
      throw new EggsException(ErrorCode.EDGE_NOT_FOUND);
    }
    if (!options.dryRun()) {
      client
          .inodes()
          .renameEdge(id, stat.owner(), edge.name(), edge.creationTime(), owner, entry.name);
    }
    movedBack.add(id);
    did(Action.MOVED_BACK, where, id, "was " + shown(edge.name()));
    return id;
  }

  private void restoreRemoved(long id, long owner, byte[] name) throws EggsException, IOException {
    try {
      client.cdc(new RestoreDirectoryRequest(id, owner, name));
    } catch (EggsException e) {
      if (e.code() == ErrorCode.TIMEOUT) {
        throw new IOException(
            "the CDC does not answer; one that is not of EggsFS cannot restore directories,"
                + " copy the tree with --to",
            e);
      }
      throw e;
    }
  }

  private Edge edgeTo(long owner, long target) throws EggsException, IOException {
    Edge[] found = {null};
    Edges.read(
        client,
        owner,
        edge -> {
          if (edge.current() && InodeIds.withoutExtra(edge.targetId()) == target) {
            found[0] = edge;
          }
          return found[0] == null;
        });
    return found[0];
  }

  private boolean isAlive(long directory) throws EggsException, IOException {
    return directory == treeRoot
        || restored.contains(directory)
        || client.inodes().stat(directory).owner() != InodeIds.NULL;
  }

  /** Whether a live directory is the tree's root or below it. */
  private boolean isInTree(long directory) throws EggsException, IOException {
    long at = directory;
    while (at != treeRoot) {
      if (at == InodeIds.ROOT || at == InodeIds.NULL) {
        return false;
      }
      at = client.inodes().stat(at).owner();
    }
    return true;
  }

  private void copyDirectoryHere(long directory, String where, Entry entry)
      throws EggsException, IOException {
    long target = entry.nowId();
    if (!InodeIds.isDirectory(target)) {
      if (!makeRoom(directory, where, entry)) {
        return;
      }
      target = makeDirectory(directory, entry.name, where, entry.thenId());
    }
    copied.put(target, entry.thenId());
    copyContents(entry.thenId(), target, where);
  }

  // ---- copies ----

  /** Copies what a directory held into another; in a dry run that one need not exist. */
  private void copyContents(long from, long to, String path) throws EggsException, IOException {
    read(from, entries -> copyAll(entries, to, path));
  }

  private void copyAll(List<Entry> entries, long to, String path)
      throws EggsException, IOException {
    List<Entry> files = new ArrayList<>();
    List<Entry> directories = new ArrayList<>();
    for (Entry entry : entries) {
      if (entry.thenId() != InodeIds.NULL) {
        (InodeIds.isDirectory(entry.thenId()) ? directories : files).add(entry);
      }
    }
    Parallel.map(
        files,
        entry -> {
          String where = child(path, entry);
          guarded(where, entry.thenId(), () -> copyInto(to, where, entry));
          return true;
        });
    for (Entry entry : directories) {
      String where = child(path, entry);
      guarded(where, entry.thenId(), () -> copySubdirectory(to, where, entry));
    }
  }

  private void copyInto(long directory, String where, Entry source)
      throws EggsException, IOException {
    Entry target = new Entry(source.name);
    target.then = source.then;
    target.now = nowIn(directory, source.name);
    copyHere(directory, where, target);
  }

  private void copySubdirectory(long directory, String where, Entry source)
      throws EggsException, IOException {
    if (statOrNull(source.thenId()) == null) {
      did(Action.LOST, where, source.thenId(), "the directory and what was in it are collected");
      return;
    }
    Entry target = new Entry(source.name);
    target.then = source.then;
    target.now = nowIn(directory, source.name);
    copyDirectoryHere(directory, where, target);
  }

  private Edge nowIn(long directory, byte[] name) throws EggsException, IOException {
    if (directory == InodeIds.NULL) {
      return null;
    }
    List<Edge> newest = Edges.newest(client, directory, name, 1);
    return newest.isEmpty() || !newest.getFirst().current() ? null : newest.getFirst();
  }

  private long makeDirectory(long owner, byte[] name, String where, long source)
      throws EggsException, IOException {
    long made = options.dryRun() ? InodeIds.NULL : client.inodes().mkdir(owner, name);
    did(Action.DIRECTORY_MADE, where, source, "");
    return made;
  }

  /** A new file with the bytes and times of another, which is left as it is. */
  private void copyFile(long source, long directory, byte[] name, String where)
      throws EggsException, IOException {
    Stat stat = client.inodes().stat(source);
    if (!options.dryRun()) {
      if (InodeIds.isSymlink(source)) {
        long made = client.files().symlink(directory, name, client.files().readlink(source));
        client.inodes().setTimes(made, stat.mtime(), stat.atime());
      } else {
        try (FileReader reader = client.files().open(source);
            FileWriter writer = client.files().create(directory, name)) {
          reader.hintSequential();
          reader.stream().transferTo(writer);
          // With the name, so that a copy is never one of another time.
          writer.timesAtCommit(stat.mtime(), stat.atime());
          writer.commit();
        }
      }
    }
    bytesCopied.addAndGet(stat.size());
    did(Action.COPIED, where, source, stat.size() + " bytes");
  }

  /**
   * Whether two files have the same type, size, time and bytes, by the CRCs of their spans. A
   * symlink is its text: its time is set after it is made, which an interrupted copy has not done.
   */
  private boolean sameContent(long a, long b) throws EggsException, IOException {
    if (InodeIds.type(a) != InodeIds.type(b)) {
      return false;
    }
    Stat first = statOrNull(a);
    Stat second = statOrNull(b);
    return first != null
        && second != null
        && first.size() == second.size()
        && (InodeIds.isSymlink(a) || first.mtime() == second.mtime())
        && crcOf(a) == crcOf(b);
  }

  private int crcOf(long file) throws EggsException, IOException {
    int[] crc = {0};
    StoredSpan.visit(
        client,
        file,
        span -> {
          crc[0] = Crc32c.append(crc[0], span.crc(), span.size());
          return true;
        });
    return crc[0];
  }

  // ---- what came later ----

  /**
   * Removes the names that a directory did not hold then, and goes on in those of its directories
   * that are the ones of then or copies of them: what another directory holds is not ours to judge.
   */
  private void removeNewer(long directoryThen, long directoryNow, String path)
      throws EggsException, IOException {
    if (directoryThen == directoryNow) {
      read(
          directoryNow,
          entries -> {
            for (Entry entry : entries) {
              if (entry.now != null) {
                removeIfNewer(entry.thenId(), directoryNow, entry.name, entry.nowId(), path);
              }
            }
          });
      return;
    }
    // The names of a copy are those of now only.
    Edges.readCurrent(
        client,
        directoryNow,
        Edges.PORTION_MAX,
        now -> {
          List<Long> then = Parallel.map(now, edge -> entry(directoryThen, edge.name()).thenId());
          for (int i = 0; i < now.size(); i++) {
            CurrentEdge edge = now.get(i);
            removeIfNewer(then.get(i), directoryNow, edge.name(), edge.targetId(), path);
          }
        });
  }

  private void removeIfNewer(long thenId, long directory, byte[] name, long id, String path)
      throws IOException {
    String where = EggsPath.child(path, EggsPath.text(name));
    if (thenId == InodeIds.NULL) {
      // In a dry run it is still where it would be moved from.
      if (!movedBack.contains(id)) {
        guarded(where, id, () -> removeName(directory, name, id, where));
      }
    } else if (thenId == id && restored.contains(id)
        || copied.getOrDefault(id, InodeIds.NULL) == thenId) {
      guarded(where, id, () -> removeNewer(thenId, id, where));
    }
  }

  private void removeName(long directory, byte[] name, long id, String where)
      throws EggsException, IOException {
    if (!options.dryRun()) {
      Removal.remove(client, directory, name, id);
    }
    did(Action.REMOVED, where, id, "did not exist then");
  }

  // ---- helpers ----

  private Stat statOrNull(long id) throws EggsException, IOException {
    try {
      return client.inodes().stat(id);
    } catch (EggsException e) {
      if (Failures.isNotFound(e)) {
        return null;
      }
      throw e;
    }
  }

  private static String shown(byte[] name) {
    return EggsPath.shown(EggsPath.text(name));
  }

  private static String child(String path, Entry entry) {
    return EggsPath.child(path, EggsPath.text(entry.name));
  }
}
