package org.eggsfs.shard.state;

/** What keys of all tables begin with: shard byte, table byte. Table numbers are never reused. */
final class Keys {
  static final int META = 1;
  static final int FILES = 2;
  static final int TRANSIENT = 3;
  static final int DIRECTORIES = 4;
  static final int EDGES = 5;
  static final int SPANS = 6;
  static final int BLOCK_SERVICE_FILES = 7;

  /** Bytes in front of the first field. */
  static final int PREFIX = 2;

  private Keys() {}

  /** An empty key of that length with the two leading bytes in place. */
  static byte[] start(int shard, int table, int length) {
    byte[] key = new byte[length];
    key[0] = (byte) shard;
    key[1] = (byte) table;
    return key;
  }

  /** A key with one field. */
  static byte[] of(int shard, int table, long field) {
    byte[] key = start(shard, table, PREFIX + 8);
    Bytes.putLong(key, PREFIX, field);
    return key;
  }

  /** A key with two fields. */
  static byte[] of(int shard, int table, long field1, long field2) {
    byte[] key = start(shard, table, PREFIX + 16);
    Bytes.putLong(key, PREFIX, field1);
    Bytes.putLong(key, PREFIX + 8, field2);
    return key;
  }

  /** The first field. */
  static long first(byte[] key) {
    return Bytes.getLong(key, PREFIX);
  }

  /** The second field. */
  static long second(byte[] key) {
    return Bytes.getLong(key, PREFIX + 8);
  }
}
