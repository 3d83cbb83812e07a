import { IconCheck } from "@tabler/icons-react";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import classes from "./porting.module.css";
import { STEPS, type Step } from "./states.ts";

/** Where one is on the way to a complete order. */
export function Steps({ current }: { current: Step }) {
  const t = useText();
  const language = useLanguage();
  const at = STEPS.indexOf(current);
  return (
    <ol className={classes.steps} aria-label={t("porting.steps")}>
      {STEPS.map((step, index) => (
        <li
          key={step}
          className={classes.step}
          aria-current={step === current ? "step" : undefined}
          data-done={index < at || undefined}
        >
          <span className={classes.mark} aria-hidden>
            {index < at ? <IconCheck size={15} /> : formatNumber(index + 1, language)}
          </span>
          {t(`porting.step.${step}`)}
        </li>
      ))}
    </ol>
  );
}
