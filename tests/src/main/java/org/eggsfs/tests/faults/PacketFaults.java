package org.eggsfs.tests.faults;

/**
 * What a network does to datagrams, in each direction. Probabilities are of one packet.
 *
 * @param drop it is lost
 * @param duplicate it arrives twice
 * @param delay it arrives late, so that later ones overtake it
 * @param delayMillisMax how late at most
 */
public record PacketFaults(double drop, double duplicate, double delay, int delayMillisMax) {
  /** A perfect network. */
  public static final PacketFaults NONE = new PacketFaults(0, 0, 0, 0);

  /** All faults with the same probability. */
  public static PacketFaults of(double probability) {
    return new PacketFaults(probability, probability, probability, 50);
  }

  /** Checks the values. */
  public PacketFaults {
    if (drop < 0 || duplicate < 0 || delay < 0 || drop > 1 || duplicate > 1 || delay > 1) {
      throw new IllegalArgumentException("probabilities are 0 to 1");
    }
    if (delay > 0 && delayMillisMax < 1) {
      throw new IllegalArgumentException("a delay needs a time");
    }
  }
}
