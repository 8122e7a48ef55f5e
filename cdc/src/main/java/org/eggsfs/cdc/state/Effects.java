package org.eggsfs.cdc.state;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/** What one entry reads, writes and wants sent. */
final class Effects {
  final View view;
  final WriteTarget target;

  /** Of the entry. */
  final long index;

  /** Of the entry. */
  final long time;

  private final List<Output> outputs = new ArrayList<>();
  private final List<String> alerts = new ArrayList<>();
  private boolean urgent;

  Effects(View view, WriteTarget target, long index, long time) {
    this.view = view;
    this.target = target;
    this.index = index;
    this.time = time;
  }

  void send(Output output) {
    outputs.add(output);
    urgent |= output.requiredIndex() == index;
  }

  /** Something will wait for this entry even if nothing does yet. */
  void setUrgent() {
    urgent = true;
  }

  void alert(String text) {
    alerts.add(text);
  }

  int outputCount() {
    return outputs.size();
  }

  /** Takes back all outputs from that number on. */
  void takeBack(int count) {
    outputs.subList(count, outputs.size()).clear();
  }

  ApplyResult result() {
    return new ApplyResult(List.copyOf(outputs), urgent, List.copyOf(alerts));
  }
}
