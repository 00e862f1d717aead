import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import React from 'react';

import { gaugeIcon } from './icon';
import type { MeterModel } from './model';
import { Panel } from './panel';
import type { IActions } from './part';

/** The right sidebar's panel; Escape leaves it. */
export class Sidebar extends ReactWidget {
  static readonly ID = 'asksage-sidebar';

  constructor(
    private readonly model: MeterModel,
    private readonly actions: IActions,
    leave: () => void
  ) {
    super();
    this.id = Sidebar.ID;
    this.addClass('jp-asksage-Sidebar');
    this.title.icon = gaugeIcon;
    this.title.caption = 'Ask Sage tokens';
    this.node.tabIndex = -1;
    this.node.lang = 'en';
    this.node.dir = 'ltr';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this.title.caption);
    this.node.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') {
        leave();
      }
    });
    model.changed.connect(() => this.update(), this);
  }

  protected render(): React.JSX.Element {
    return <Panel state={this.model.state} actions={this.actions} />;
  }

  protected onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.model.setDetailed(true);
  }

  protected onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this.model.setDetailed(false);
  }

  protected onActivateRequest(): void {
    this.node.focus();
  }
}
