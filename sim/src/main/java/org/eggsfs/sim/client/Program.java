package org.eggsfs.sim.client;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.MakeNewDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeNewDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceRequest;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceResponse;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RenameFileResponse;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.CommitFileRequest;
import org.eggsfs.protocol.shard.CommitFileResponse;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.LinkFileOverRequest;
import org.eggsfs.protocol.shard.LinkFileOverResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LinkFileResponse;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.LocalFileSpansResponse;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ReadDirResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameNoReplaceRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameNoReplaceResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotResponse;
import org.eggsfs.protocol.shard.SetTimeRequest;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.sim.client.Knowledge.Seen;
import org.eggsfs.sim.kernel.SimRandom;
import org.eggsfs.sim.oracle.Call;
import org.eggsfs.sim.oracle.Linearizability.State;
import org.eggsfs.sim.oracle.Name;
import org.eggsfs.sim.oracle.NamespaceModel;
import org.eggsfs.sim.world.ClientMachine;

/**
 * One client's life: operation after operation, chosen by chance over few names so that clients
 * meet. Whatever it is told goes into the history.
 */
public final class Program {
  private static final double THINK_NANOS_MEAN = 300_000;

  private static final long SET = Long.MIN_VALUE;
  private static final int PAGES_MAX = 1000;

  /** Of the renames within a directory: one in so many is taken back. */
  private static final int THERE_AND_BACK = 8;

  private final ClientMachine client;
  private final Session session;
  private final Knowledge knowledge;
  private final SimRandom random;
  private final FileMaker files;
  private final Collector collector;
  private final Mischief mischief;
  private final Mover mover;
  private boolean resting;

  /** The largest mtime that anybody has seen of a directory, and when. */
  private final Map<Long, Long> mtimes = new HashMap<>();

  /** A program in its fiber. */
  public Program(ClientMachine client, Session session) {
    this.client = client;
    this.session = session;
    this.knowledge = session.knowledge();
    this.random = session.world().random();
    this.files = new FileMaker(client, session);
    this.mischief = new Mischief(client, session);
    this.collector = new Collector(client, session, mischief);
    this.mover = new Mover(client, session, files, collector);
  }

  /** Whether it does nothing until it may begin another operation. */
  public boolean isResting() {
    return resting;
  }

  /** Goes on until it is cancelled. */
  public void run() {
    while (true) {
      if (session.budget().take()) {
        session.world().strike();
        operate();
        client.sleep(random.exponential(THINK_NANOS_MEAN));
      } else {
        resting = true;
        session.budget().await(client);
        resting = false;
      }
    }
  }

  private void operate() {
    try {
      switch (random.nextInt(50)) {
        case 0, 1, 2, 3, 4, 5, 6, 7 -> create();
        case 8, 9, 10 -> look();
        case 11, 12 -> watch();
        case 13, 14 -> list();
        case 15 -> stat();
        case 16, 17 -> read();
        case 18, 19, 20, 21 -> unlink();
        case 22, 23, 24, 25 -> renameHere();
        case 26, 27, 28, 29 -> renameAway();
        case 30, 31, 32, 33 -> makeDirectory();
        case 34, 35, 36 -> removeDirectory();
        case 37 -> mischief.run(InodeIds.shard(knowledge.directory()));
        case 38 -> setTime();
        case 39 -> undelete();
        case 40, 41 -> replace();
        case 42, 43, 44 -> mover.move();
        case 45, 46 -> collector.collect(knowledge.directory());
        default -> collector.destroy(InodeIds.shard(knowledge.directory()));
      }
    } catch (EggsException e) {
      require(e);
    }
  }

  /** What no request may be answered with, whatever the client does. */
  private void require(EggsException e) {
    switch (e.code()) {
      case INTERNAL_ERROR,
          FATAL_ERROR,
          MALFORMED_REQUEST,
          MALFORMED_RESPONSE,
          NOT_AUTHORISED,
          UNRECOGNIZED_REQUEST,
          BAD_COOKIE,
          BAD_SPAN_BODY,
          BAD_SHARD,
          BAD_NAME,
          MTIME_IS_TOO_RECENT ->
          session.world().fail("answers", client.name() + " was answered " + e.code());
      default -> {}
    }
  }

  private String who(String operation) {
    return client.name() + " " + operation;
  }

  // Reading.

  /** Looks a name up. Returns null if it leads nowhere. */
  private Seen lookUp(long directory, String name) throws EggsException {
    long start = session.history().moment();
    Name key = new Name(directory, name);
    try {
      LookupResponse found =
          client.shard(
              InodeIds.shard(directory), new LookupRequest(directory, Knowledge.bytes(name)));
      session.history().read(who("lookup"), key, start, found.targetId(), found.creationTime());
      Seen seen = new Seen(directory, name, found.targetId(), found.creationTime());
      foretold(key, seen.state());
      knowledge.saw(seen);
      return seen;
    } catch (EggsException e) {
      if (e.code() == ErrorCode.NAME_NOT_FOUND || e.code() == ErrorCode.DIRECTORY_NOT_FOUND) {
        session.history().read(who("lookup"), key, start, 0, 0);
        foretold(key, State.NOTHING);
        return null;
      }
      throw e;
    }
  }

  private void foretold(Name name, State found) {
    NamespaceModel model = session.foretelling().model();
    if (model != null && !model.get(name).equals(found)) {
      session
          .world()
          .fail("model", name + " leads to " + found + ", foretold was " + model.get(name));
    }
  }

  /** Looks at a random name, or remembers what somebody has seen. */
  private Seen look() throws EggsException {
    Seen old = random.nextInt(6) == 0 ? knowledge.remembered() : null;
    return old == null ? lookUp(knowledge.directory(), knowledge.name()) : old;
  }

  /** Looks at what somebody is changing: no answer may tell of it and be taken back. */
  private void watch() throws EggsException {
    Name name = knowledge.changing();
    if (name == null) {
      look();
    } else {
      lookUp(name.directory(), name.text());
    }
  }

  /** A name that leads to a file, or null. */
  private Seen file() throws EggsException {
    Seen seen = look();
    return seen == null || InodeIds.isDirectory(seen.target()) ? null : seen;
  }

  /** A name that leads to a directory now, if somebody knows one. */
  private Seen directoryEdge() throws EggsException {
    Seen old = knowledge.rememberedDirectory();
    return old == null ? null : lookUp(old.directory(), old.name());
  }

  private void list() throws EggsException {
    long directory = knowledge.directory();
    long hash = 0;
    for (int page = 0; page < PAGES_MAX; page++) {
      long start = session.history().moment();
      ReadDirResponse listed =
          client.shard(InodeIds.shard(directory), new ReadDirRequest(directory, hash, 0));
      record(directory, start, hash, listed);
      if (listed.nextHash() == 0) {
        return;
      }
      if (Long.compareUnsigned(listed.nextHash(), hash) <= 0) {
        session.world().fail("listing", "a listing of " + directory + " goes backwards");
      }
      hash = listed.nextHash();
    }
    session.world().fail("listing", "a listing of " + directory + " does not end");
  }

  /** A page says of each name in its range of hashes whether it is there. */
  private void record(long directory, long start, long hash, ReadDirResponse page) {
    Map<String, CurrentEdge> edges = new HashMap<>();
    for (CurrentEdge edge : page.results()) {
      edges.put(Knowledge.text(edge.name()), edge);
    }
    for (String name : Knowledge.allNames()) {
      long at = Knowledge.hash(name);
      boolean inRange =
          Long.compareUnsigned(at, hash) >= 0
              && (page.nextHash() == 0 || Long.compareUnsigned(at, page.nextHash()) < 0);
      CurrentEdge edge = edges.remove(name);
      if (inRange || edge != null) {
        foretold(
            new Name(directory, name),
            edge == null ? State.NOTHING : new State(edge.targetId(), edge.creationTime()));
        session
            .history()
            .read(
                who("list"),
                new Name(directory, name),
                start,
                edge == null ? 0 : edge.targetId(),
                edge == null ? 0 : edge.creationTime());
      }
    }
    if (!edges.isEmpty()) {
      session.world().fail("listing", "names that nobody has made: " + edges.keySet());
    }
  }

  private void stat() throws EggsException {
    long directory = knowledge.directory();
    long before = mtimes.getOrDefault(directory, 0L);
    StatDirectoryResponse stat =
        client.shard(InodeIds.shard(directory), new StatDirectoryRequest(directory));
    if (stat.mtime() < before) {
      session.world().fail("stat", "the mtime of directory " + directory + " went back");
    }
    mtimes.put(directory, stat.mtime());
  }

  private void read() throws EggsException {
    Seen seen = file();
    if (seen == null) {
      return;
    }
    int shard = InodeIds.shard(seen.target());
    StatFileResponse stat = client.shard(shard, new StatFileRequest(seen.target()));
    if (stat.size() != session.contents().size(seen.target())) {
      session.world().fail("contents", "size " + stat.size() + " of " + seen);
    }
    List<LocalFileSpansResponse> pages = new ArrayList<>();
    long offset = 0;
    do {
      LocalFileSpansResponse page =
          client.shard(shard, new LocalFileSpansRequest(seen.target(), offset, 0, 0));
      pages.add(page);
      offset = page.nextOffset();
    } while (offset != 0);
    // Somebody may be destroying it by now, but then it is not found.
    String problem = session.contents().compare(seen.target(), pages, null);
    if (problem != null) {
      session.world().fail("contents", problem + ", of " + seen);
    }
  }

  private void setTime() throws EggsException {
    Seen seen = file();
    if (seen != null) {
      long time = client.wallNanos();
      client.shard(InodeIds.shard(seen.target()), new SetTimeRequest(seen.target(), time | SET, 0));
    }
  }

  // Changing.

  private interface Attempt<R> {
    R run() throws EggsException;
  }

  /** One name of an operation that changes names. */
  private record Part(Name name, Call call) {}

  private Part part(String operation, long directory, String name, Call.Kind kind, Seen edge) {
    Name key = new Name(directory, name);
    long time = kind == Call.Kind.DELETE ? edge.time() : 0;
    return new Part(key, session.history().begin(who(operation), key, kind, edge.target(), time));
  }

  /** What an answer says about the request's effects. */
  private enum Outcome {
    HEARD,
    UNSURE,
    REFUSED
  }

  /**
   * Makes a request that changes names.
   *
   * @param removes the edge's name, or null
   * @param makes the edge's new name, or null
   * @param question what the answer must be, if that can be foretold
   * @param repeatable whether a second execution answers as the first did, even after a restart
   */
  private <R> R change(
      Part removes,
      Part makes,
      boolean repeatable,
      Edges<R> edges,
      Question question,
      Attempt<R> attempt)
      throws EggsException {
    R response;
    ErrorCode foretold = foretold(question);
    String operation = describe(removes, makes);
    Name changed = makes == null ? removes.name : makes.name;
    knowledge.changes(changed);
    try {
      response = attempt.run();
    } catch (EggsException e) {
      compare(operation, foretold, e.code(), repeatable);
      boolean silent = e.code() == ErrorCode.TIMEOUT;
      boolean unsure = silent || (client.attempts() > 1 && !repeatable);
      settle(removes, unsure ? Outcome.UNSURE : Outcome.REFUSED, 0);
      settle(makes, unsure ? Outcome.UNSURE : Outcome.REFUSED, 0);
      throw e;
    } finally {
      knowledge.changed(changed);
    }
    compare(operation, foretold, null, repeatable);
    boolean sure = !client.isPresumed();
    if (sure || foretold == null) {
      follow(removes, makes, edges.time(response));
    }
    if (removes != null) {
      settle(removes, sure ? Outcome.HEARD : Outcome.UNSURE, removes.call.edgeTime());
    }
    if (makes != null) {
      // The answer to a repeated request may be about an edge that others have moved since.
      boolean first = client.attempts() == 1 || repeatable;
      settle(makes, sure ? Outcome.HEARD : Outcome.UNSURE, first ? edges.time(response) : 0);
    }
    return response;
  }

  /** Asks the model. */
  private interface Question {
    ErrorCode ask(NamespaceModel model);
  }

  private ErrorCode foretold(Question question) {
    NamespaceModel model = session.foretelling().model();
    return model == null ? null : question.ask(model);
  }

  private static String describe(Part removes, Part makes) {
    return (removes == null ? "" : "from " + removes.name + " ")
        + (makes == null ? "" : "to " + makes.name);
  }

  private void compare(
      String operation, ErrorCode foretold, ErrorCode answered, boolean repeatable) {
    Foretelling foretelling = session.foretelling();
    if (foretelling.model() == null) {
      return;
    }
    if (answered == ErrorCode.TIMEOUT || (client.attempts() > 1 && !repeatable)) {
      // A second execution may have been answered; what it did is known, but not to us.
      foretelling.lost();
    } else if (answered == ErrorCode.FILE_NOT_FOUND && session.world().clocksSet() > 0) {
      // The file's deadline has passed between its making and its naming.
      return;
    } else if (!client.isPresumed() || answered != null) {
      foretelling.compare(operation, foretold, answered);
    }
  }

  /** Tells the model what has been done. */
  private void follow(Part removes, Part makes, long time) {
    NamespaceModel model = session.foretelling().model();
    if (model == null) {
      return;
    }
    if (removes != null) {
      model.took(removes.name);
      if (makes == null && InodeIds.isDirectory(removes.call.target())) {
        model.removed(removes.call.target());
      }
    }
    if (makes != null) {
      model.gave(makes.name, new State(makes.call.target(), time));
    }
  }

  private interface Edges<R> {
    /** When the edge was made. */
    long time(R response);
  }

  private void settle(Part part, Outcome outcome, long time) {
    if (part == null) {
      return;
    }
    switch (outcome) {
      case HEARD -> part.call.succeed(time, session.history().moment());
      case UNSURE -> part.call.mayHappen();
      case REFUSED -> session.history().refused(part.name, part.call);
    }
  }

  @SuppressWarnings("TypeParameterUnusedInFormals")
  private <R extends ShardResponse> R shard(long inode, ShardRequest request) throws EggsException {
    return client.shard(InodeIds.shard(inode), request);
  }

  private void create() throws EggsException {
    if (random.nextInt(2) == 0) {
      createInOneStep();
      return;
    }
    long directory = knowledge.directory();
    ConstructFileResponse file = files.make(InodeIds.shard(directory));
    if (file == null) {
      return;
    }
    String name = knowledge.name();
    create(
        new Seen(directory, name, file.id(), 0),
        true,
        LinkFileResponse::creationTime,
        new LinkFileRequest(file.id(), file.cookie(), directory, Knowledge.bytes(name)));
  }

  private void createInOneStep() throws EggsException {
    long directory = knowledge.directory();
    FileMaker.Unfinished made = files.makeUpToCommit(InodeIds.shard(directory));
    if (made == null) {
      return;
    }
    String name = knowledge.name();
    boolean replace = random.nextInt(3) != 0;
    create(
        new Seen(directory, name, made.file().id(), 0),
        replace,
        CommitFileResponse::creationTime,
        new CommitFileRequest(
            made.file().id(),
            made.file().cookie(),
            directory,
            Knowledge.bytes(name),
            !replace,
            random.nextInt(2) == 0 ? client.wallNanos() | SET : 0,
            0,
            made.offset(),
            made.proofs()));
  }

  private <R extends ShardResponse> void create(
      Seen edge, boolean replace, Edges<R> edges, ShardRequest request) throws EggsException {
    Part makes = part("create", edge.directory(), edge.name(), put(replace), edge);
    change(
        null,
        makes,
        false,
        edges,
        model ->
            replace
                ? model.put(makes.name, edge.target())
                : model.putNew(makes.name, edge.target()),
        () -> shard(edge.directory(), request));
  }

  /** A copy takes a file's place, if the name is as it was seen. */
  private void replace() throws EggsException {
    Seen edge = file();
    if (edge == null) {
      return;
    }
    // Made only now, so that others have the time that copying takes.
    ConstructFileResponse copy = files.make(InodeIds.shard(edge.directory()));
    if (copy == null) {
      return;
    }
    Seen made = new Seen(edge.directory(), edge.name(), copy.id(), 0);
    Part makes = part("replace", edge.directory(), edge.name(), Call.Kind.REPLACE, made);
    makes.call.replaces(edge.state());
    long time = client.wallNanos();
    change(
        null,
        makes,
        false,
        LinkFileOverResponse::creationTime,
        model -> model.find(makes.name, edge.state()),
        () ->
            shard(
                edge.directory(),
                new LinkFileOverRequest(
                    copy.id(),
                    copy.cookie(),
                    edge.directory(),
                    Knowledge.bytes(edge.name()),
                    edge.target(),
                    edge.time(),
                    time,
                    time)));
  }

  private void unlink() throws EggsException {
    Seen edge = file();
    if (edge != null) {
      unlink(edge);
    }
  }

  private void unlink(Seen edge) throws EggsException {
    Part removes = part("unlink", edge.directory(), edge.name(), Call.Kind.DELETE, edge);
    change(
        removes,
        null,
        false,
        response -> 0,
        model -> model.find(removes.name, edge.state()),
        () ->
            shard(
                edge.directory(),
                new SoftUnlinkFileRequest(
                    edge.directory(), edge.target(), Knowledge.bytes(edge.name()), edge.time())));
  }

  private void renameHere() throws EggsException {
    Seen edge = look();
    String name = knowledge.name();
    if (edge == null || edge.name().equals(name)) {
      return;
    }
    Seen moved = renameHere(edge, name);
    if (random.nextInt(THERE_AND_BACK) == 0 && !InodeIds.isDirectory(edge.target())) {
      // The same file has the name again; whoever means the former edge must not get this one.
      renameHere(moved, edge.name());
      unlink(edge);
    }
  }

  private Seen renameHere(Seen edge, String name) throws EggsException {
    boolean replace = random.nextInt(3) != 0;
    Part removes = part("rename", edge.directory(), edge.name(), Call.Kind.DELETE, edge);
    Part makes = part("rename", edge.directory(), name, put(replace), edge);
    byte[] oldName = Knowledge.bytes(edge.name());
    byte[] newName = Knowledge.bytes(name);
    ShardRequest request =
        replace
            ? new SameDirectoryRenameRequest(
                edge.target(), edge.directory(), oldName, edge.time(), newName)
            : new SameDirectoryRenameNoReplaceRequest(
                edge.target(), edge.directory(), oldName, edge.time(), newName);
    ShardResponse response =
        change(
            removes,
            makes,
            false,
            Program::renamedAt,
            model -> model.move(removes.name, edge.state(), makes.name, replace),
            () -> shard(edge.directory(), request));
    return new Seen(edge.directory(), name, edge.target(), renamedAt(response));
  }

  private static Call.Kind put(boolean replace) {
    return replace ? Call.Kind.PUT : Call.Kind.PUT_NEW;
  }

  private static long renamedAt(ShardResponse response) {
    return response instanceof SameDirectoryRenameNoReplaceResponse r
        ? r.newCreationTime()
        : ((SameDirectoryRenameResponse) response).newCreationTime();
  }

  private void renameAway() throws EggsException {
    Knowledge.Move inverse = random.nextInt(3) == 0 ? knowledge.inverseMove() : null;
    if (inverse != null) {
      renameAway(inverse.edge(), inverse.into());
    } else {
      renameAway(random.nextInt(2) == 0 ? directoryEdge() : look(), knowledge.directory());
    }
  }

  private void renameAway(Seen edge, long directory) throws EggsException {
    String name = knowledge.name();
    if (edge == null || edge.directory() == directory) {
      return;
    }
    // A directory never replaces anything.
    boolean replace = InodeIds.isDirectory(edge.target()) || random.nextInt(3) != 0;
    Part removes = part("move", edge.directory(), edge.name(), Call.Kind.DELETE, edge);
    Part makes = part("move", directory, name, put(replace), edge);
    byte[] oldName = Knowledge.bytes(edge.name());
    byte[] newName = Knowledge.bytes(name);
    if (InodeIds.isDirectory(edge.target())) {
      knowledge.moves(edge, directory);
      CdcRequest request =
          new RenameDirectoryRequest(
              edge.target(), edge.directory(), oldName, edge.time(), directory, newName);
      change(
          removes,
          makes,
          true,
          RenameDirectoryResponse::creationTime,
          model -> model.move(removes.name, edge.state(), makes.name, true),
          () -> client.cdc(request));
    } else {
      CdcRequest request =
          replace
              ? new RenameFileRequest(
                  edge.target(), edge.directory(), oldName, edge.time(), directory, newName)
              : new RenameFileNoReplaceRequest(
                  edge.target(), edge.directory(), oldName, edge.time(), directory, newName);
      change(
          removes,
          makes,
          true,
          Program::movedAt,
          model -> model.move(removes.name, edge.state(), makes.name, replace),
          () -> client.cdc(request));
    }
  }

  private static long movedAt(CdcResponse response) {
    return response instanceof RenameFileNoReplaceResponse r
        ? r.creationTime()
        : ((RenameFileResponse) response).creationTime();
  }

  private void makeDirectory() throws EggsException {
    long directory = knowledge.directory();
    String name = knowledge.name();
    MakeDirectory made = new MakeDirectory(directory, name, random.nextInt(2) == 0);
    MakeDirectoryResponse response = made.run();
    knowledge.madeDirectory(response.id());
    knowledge.saw(new Seen(directory, name, response.id(), response.creationTime()));
  }

  /** The directory's id is known only from the answer. */
  private final class MakeDirectory {
    private final Name name;

    /** Whether one that is there already is an error. */
    private final boolean exclusive;

    MakeDirectory(long directory, String name, boolean exclusive) {
      this.name = new Name(directory, name);
      this.exclusive = exclusive;
    }

    private MakeDirectoryResponse request() throws EggsException {
      byte[] bytes = Knowledge.bytes(name.text());
      if (!exclusive) {
        return client.cdc(new MakeDirectoryRequest(name.directory(), bytes));
      }
      MakeNewDirectoryResponse made =
          client.cdc(new MakeNewDirectoryRequest(name.directory(), bytes));
      return new MakeDirectoryResponse(made.id(), made.creationTime());
    }

    MakeDirectoryResponse run() throws EggsException {
      Call.Kind kind = exclusive ? Call.Kind.PUT_NEW : Call.Kind.FIND_OR_PUT;
      Call call = session.history().begin(who("mkdir"), name, kind, Call.ANY_DIRECTORY, 0);
      Part part = new Part(name, call);
      ErrorCode foretold = foretold(this::foretell);
      knowledge.changes(name);
      try {
        MakeDirectoryResponse response = request();
        call.leadsTo(response.id());
        compare("mkdir " + name, foretold, null, true);
        follow(null, part, response.creationTime());
        settle(part, Outcome.HEARD, response.creationTime());
        return response;
      } catch (EggsException e) {
        compare("mkdir " + name, foretold, e.code(), true);
        settle(part, e.code() == ErrorCode.TIMEOUT ? Outcome.UNSURE : Outcome.REFUSED, 0);
        throw e;
      } finally {
        knowledge.changed(name);
      }
    }

    /** A directory that is there already is the answer, if that is good enough. */
    private ErrorCode foretell(NamespaceModel model) {
      return !exclusive && InodeIds.isDirectory(model.get(name).target())
          ? null
          : model.put(name, Call.ANY_DIRECTORY);
    }
  }

  private void removeDirectory() throws EggsException {
    Seen edge = random.nextInt(2) == 0 ? directoryEdge() : look();
    if (edge == null || !InodeIds.isDirectory(edge.target())) {
      return;
    }
    Part removes = part("rmdir", edge.directory(), edge.name(), Call.Kind.DELETE, edge);
    change(
        removes,
        null,
        true,
        response -> 0,
        model -> model.removeDirectory(removes.name, edge.state()),
        () ->
            client.cdc(
                new SoftUnlinkDirectoryRequest(
                    edge.directory(), edge.target(), edge.time(), Knowledge.bytes(edge.name()))));
    knowledge.removedDirectory(edge.target());
  }

  /** Gives a removed file a name again. */
  private void undelete() throws EggsException {
    long directory = knowledge.directory();
    String oldName = knowledge.name();
    FullReadDirResponse history =
        shard(
            directory,
            new FullReadDirRequest(
                directory,
                FullReadDirFlags.BACKWARDS | FullReadDirFlags.SAME_NAME,
                Knowledge.bytes(oldName),
                0,
                0,
                0));
    for (Edge edge : history.results()) {
      long target = InodeIds.withoutExtra(edge.targetId());
      String name = knowledge.name();
      if (InodeIds.extra(edge.targetId()) && !name.equals(oldName)) {
        Part makes =
            part("undelete", directory, name, Call.Kind.PUT, new Seen(directory, name, target, 0));
        change(
            null,
            makes,
            false,
            SameDirectoryRenameSnapshotResponse::newCreationTime,
            model -> model.put(makes.name, target),
            () ->
                shard(
                    directory,
                    new SameDirectoryRenameSnapshotRequest(
                        target,
                        directory,
                        Knowledge.bytes(oldName),
                        edge.creationTime(),
                        Knowledge.bytes(name))));
        return;
      }
    }
  }
}
