package org.eggsfs.client;

import java.io.IOException;
import java.util.function.Consumer;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.cdc.*;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.protocol.struct.*;

/** stub. */
@SuppressWarnings("TypeParameterUnusedInFormals")
public abstract class EggsClient implements AutoCloseable {
  public static EggsClient connect(ClientConfig c) throws EggsException, IOException { throw new IOException("stub"); }
  public abstract <R extends ShardResponse> R shard(int shard, ShardRequest r) throws EggsException, IOException;
  public abstract <R extends CdcResponse> R cdc(CdcRequest r) throws EggsException, IOException;
  public abstract ShuckleClient shuckle();
  public abstract ResolvedPath resolve(String p) throws EggsException, IOException;
  public abstract Stat stat(String p) throws EggsException, IOException;
  public abstract Stat stat(long p) throws EggsException, IOException;
  public abstract long mkdir(String p) throws EggsException, IOException;
  public abstract long mkdirs(String p) throws EggsException, IOException;
  public abstract void unlink(String p) throws EggsException, IOException;
  public abstract void rmdir(String p) throws EggsException, IOException;
  public abstract void rename(String p,String q) throws EggsException, IOException;
  public abstract long symlink(String p,String q) throws EggsException, IOException;
  public abstract FileWriter create(String p) throws EggsException, IOException;
  public abstract FileReader open(String p) throws EggsException, IOException;
  public abstract long lookup(long d, byte[] n) throws EggsException, IOException;
  public abstract long mkdir(long d, byte[] n) throws EggsException, IOException;
  public abstract void unlink(long d, byte[] n) throws EggsException, IOException;
  public abstract void rmdir(long d, byte[] n) throws EggsException, IOException;
  public abstract long symlink(long d, byte[] n, byte[] t) throws EggsException, IOException;
  public abstract byte[] readlink(long d) throws EggsException, IOException;
  public abstract void list(long d, Consumer<CurrentEdge> n) throws EggsException, IOException;
  public abstract FileWriter create(long d, byte[] n) throws EggsException, IOException;
  public abstract FileReader open(long d) throws EggsException, IOException;
  public abstract DirectoryPolicies policies(long d) throws EggsException, IOException;
  public abstract void setPolicy(long d, int tag, byte[] b) throws EggsException, IOException;
  @Override public abstract void close();
}
