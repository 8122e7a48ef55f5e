package org.eggsfs.run;

import org.eggsfs.core.Durations;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Durations on command lines, as nanoseconds. */
final class DurationConverter implements ITypeConverter<Long> {
  @Override
  public Long convert(String text) {
    try {
      return Durations.parse(text);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }
}
