import { Button } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useState } from "react";
import { useText } from "../i18n/index.ts";
import { announce } from "./announce.tsx";
import classes from "./ui.module.css";

/** A text to take away, with its button: links, keys. */
export function CopyField({ value, label, testId }: { value: string; label: string; testId: string }) {
  const t = useText();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(value).catch(() => undefined);
    setCopied(true);
    announce(t("common.copied"));
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div className={classes.copy}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text scrolls sideways and must be reachable by keyboard */}
      <div className={classes.copyText} role="group" aria-label={label} data-testid={testId} tabIndex={0}>
        {value}
      </div>
      <Button
        variant="default"
        leftSection={copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
        onClick={() => void copy()}
        data-testid={`${testId}-copy`}
      >
        {copied ? t("common.copied") : t("common.copy")}
      </Button>
    </div>
  );
}
