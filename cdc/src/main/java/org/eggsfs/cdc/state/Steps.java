package org.eggsfs.cdc.state;

import java.util.function.ToIntFunction;

/** Steps by their stored numbers. */
final class Steps {
  private Steps() {}

  static <S> S of(S[] steps, int number, ToIntFunction<S> numberOf) {
    for (S step : steps) {
      if (numberOf.applyAsInt(step) == number) {
        return step;
      }
    }
    throw new IllegalStateException("no step has number " + number);
  }
}
