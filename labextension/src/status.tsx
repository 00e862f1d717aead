import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { Format } from './format';
import { levelOf, meterOf } from './level';
import type { MeterModel } from './model';
import type { Preferences } from './preferences';

/** One quiet line in the status bar; it opens the sidebar. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly model: MeterModel,
    private readonly format: Format,
    private readonly preferences: Preferences,
    private readonly open: () => void
  ) {
    super();
    this.addClass('jp-asksage-StatusItem');
    model.changed.connect(() => this.update(), this);
  }

  protected render(): React.JSX.Element {
    const { state } = this.model;
    const meter = meterOf(state.balance, 'inference');
    return (
      <button
        type="button"
        data-asksage="status"
        data-level={meter ? levelOf(meter) : 'unknown'}
        data-stale={state.trouble !== null}
        title={this.format.statusDetails(state)}
        onClick={this.open}
      >
        {this.format.status(state, this.preferences.shows, new Date())}
      </button>
    );
  }
}
