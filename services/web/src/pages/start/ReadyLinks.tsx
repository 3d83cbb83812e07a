import { IconChartBar, IconHeadset, IconPhoneCall, IconUserPlus } from "@tabler/icons-react";
import { Link } from "wouter";
import { useText } from "../../i18n/index.ts";
import { type Progress, testPage } from "./setUp.ts";
import classes from "./start.module.css";

/** Where to go once everything is set up. */
export function ReadyLinks({ progress }: { progress: Progress }) {
  const t = useText();
  return (
    <div className={classes.links} data-testid="setup-done">
      <Link href="/desktop" className={classes.linkCard} data-testid="done-desktop">
        <strong>
          <IconHeadset size={20} aria-hidden /> {t("setUp.done.desktop")}
        </strong>
        <span>{t("setUp.done.desktopBody")}</span>
      </Link>
      <a
        href={testPage(progress.brand)}
        target="_blank"
        rel="noreferrer"
        className={classes.linkCard}
        data-testid="done-test-page"
      >
        <strong>
          <IconPhoneCall size={20} aria-hidden />{" "}
          {t("setUp.done.testPage", { brand: progress.brand?.displayName ?? "" })}
        </strong>
        <span>
          {t("setUp.done.testPageBody")} <span className="m-ltr m-figures">{progress.number?.number}</span>
        </span>
      </a>
      <Link href="/wallboard" className={classes.linkCard} data-testid="done-wallboard">
        <strong>
          <IconChartBar size={20} aria-hidden /> {t("setUp.done.wallboard")}
        </strong>
        <span>{t("setUp.done.wallboardBody")}</span>
      </Link>
      <Link href="/admin/people" className={classes.linkCard} data-testid="done-people">
        <strong>
          <IconUserPlus size={20} aria-hidden /> {t("setUp.done.people")}
        </strong>
        <span>{t("setUp.done.peopleBody")}</span>
      </Link>
    </div>
  );
}
