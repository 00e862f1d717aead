/** Warnings and, for those who do not see the colours, the step that a meter has come to. */
import type { IDisposable } from '@lumino/disposable';

import type { Format } from './format';
import { type Level, levelOf, limitOf } from './level';
import { dueWarnings, type Told, warningWords } from './notify';
import type { Balance, Meter } from './wire';

export class Announcer implements IDisposable {
  /** @param notify Shows a warning that stays until it is read. */
  constructor(
    private readonly format: Format,
    private readonly told: Told,
    private readonly notify: (words: string) => void
  ) {
    this.region.className = 'jp-asksage-unseen';
    this.region.setAttribute('aria-live', 'polite');
    document.body.append(this.region);
  }

  /** Emit the notifications that are due, each once a month. */
  warn(balance: Balance): void {
    for (const warning of dueWarnings(balance, this.told.keys)) {
      this.told.add(balance, warning);
      this.notify(warningWords(this.format, balance, warning));
    }
  }

  /** Say that a meter has come to another step; nothing is said of where it stood at first. */
  say(balance: Balance): void {
    for (const meter of balance.meters) {
      const level = levelOf(limitOf(meter));
      const before = this.levels.get(meter.meter);
      this.levels.set(meter.meter, level);
      if (before !== undefined && before !== level && this.format.level(level)) {
        const words = `${this.format.level(level)}, ${this.format.spendable(meter)}`;
        this.region.textContent = `Ask Sage, ${this.format.meterName(meter.meter)}: ${words}`;
      }
    }
  }

  get isDisposed(): boolean {
    return !this.region.isConnected;
  }

  dispose(): void {
    this.region.remove();
  }

  private readonly region = document.createElement('div');
  private readonly levels = new Map<Meter['meter'], Level>();
}
