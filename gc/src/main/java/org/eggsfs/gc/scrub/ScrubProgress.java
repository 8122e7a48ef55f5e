package org.eggsfs.gc.scrub;

/** Where a scan of each shard goes on after a restart. Thread-safe; kept by the caller. */
public interface ScrubProgress {
  /** Always from the start; nothing is kept. */
  ScrubProgress NONE =
      new ScrubProgress() {
        @Override
        public long nextFile(int shard) {
          return 0;
        }

        @Override
        public void passed(int shard, long nextFile) {}
      };

  /** The first file to look at; 0 is the start. */
  long nextFile(int shard);

  /**
   * All files below this one have been looked at.
   *
   * @param nextFile 0 when the shard's scan has ended
   */
  void passed(int shard, long nextFile);
}
