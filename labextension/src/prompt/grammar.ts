/** What may stand on the magics' lines, asked for once, when there is a prompt to show. */
import { type ISignal, Signal } from '@lumino/signaling';

import { Coalesced } from '../coalesced';
import type { IPrices, Line } from '../wire';
import type { IOption, Magic } from './line';

export class Grammar {
  constructor(private readonly desk: Pick<IPrices, 'line'>) {}

  /** Emitted when it has become known. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The options of a magic; null before they are known, which this asks for. */
  options(magic: Magic): readonly IOption[] | null {
    void this.load();
    return this.line?.[magic] ?? null;
  }

  get models(): readonly string[] {
    return this.line?.models.map(({ name }) => name) ?? [];
  }

  /** What a model costs, in words; empty where nobody told. */
  cost(model: string): string {
    return this.line?.models.find(({ name }) => name === model)?.help ?? '';
  }

  /** The model that answers where a cell names none; empty where none is set. */
  get model(): string {
    return this.line?.model ?? '';
  }

  /** Ask for it, once. */
  load(): Promise<void> {
    return (this.asked ??= this.reader.run());
  }

  /** Ask for it again, if anybody did: a kernel may have heard of other models. */
  again(): Promise<void> {
    return this.asked ? (this.asked = this.reader.run()) : Promise.resolve();
  }

  private async read(): Promise<void> {
    try {
      const line = await this.desk.line();
      if (JSON.stringify(line) !== JSON.stringify(this.line)) {
        this.line = line;
        this._changed.emit();
      }
    } catch {
      // Without the server extension nothing is known to be wrong, and no list is there to pick from.
    }
  }

  private readonly reader = new Coalesced(() => this.read());
  private readonly _changed = new Signal<this, void>(this);
  private asked: Promise<void> | null = null;
  private line: Line | null = null;
}
