import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { t } from "../i18n/index.ts";
import { Note } from "./Note.tsx";

/** A page that breaks must not take the call's controls with it: each page has its own boundary. */
export class CrashBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <div style={{ padding: 24, maxWidth: 560, margin: "0 auto" }}>
        <Note tone="bad" title={t("crash.title")} live testId="crash">
          {t("crash.body")}
          <div style={{ marginTop: 10 }}>
            <Button size="xs" variant="default" onClick={() => location.reload()}>
              {t("crash.reload")}
            </Button>
          </div>
        </Note>
      </div>
    );
  }
}
