package org.eggsfs.cdc.state;

import java.util.List;

/**
 * What applying an entry gave.
 *
 * @param urgent whether something waits, or will soon wait, for the entry to be durable
 * @param alerts what an operator should hear of
 */
public record ApplyResult(List<Output> outputs, boolean urgent, List<String> alerts) {}
