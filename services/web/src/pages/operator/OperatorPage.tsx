import { Button, Tabs } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useText } from "../../i18n/index.ts";
import { signOut, useSession } from "../../session/session.ts";
import { LanguageMenu } from "../../ui/LanguageMenu.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Logo } from "../../ui/Logo.tsx";
import { ThemeMenu } from "../../ui/ThemeMenu.tsx";
import AuditPage from "../admin/AuditPage.tsx";
import { Differences } from "./Differences.tsx";
import { Invoices } from "./invoices/Invoices.tsx";
import { LegalEntities } from "./invoices/LegalEntities.tsx";
import { Nodes } from "./Nodes.tsx";
import { Numbers } from "./Numbers.tsx";
import classes from "./operator.module.css";
import { Plans } from "./plans/Plans.tsx";
import { RateDecks } from "./RateDecks.tsx";
import { Tenants } from "./Tenants.tsx";

const Coupons = lazy(() => import("./coupons/Coupons.tsx"));
const Meters = lazy(() => import("./Meters.tsx"));
const Resales = lazy(() => import("./Resales.tsx"));
const Inventory = lazy(() => import("./Inventory.tsx"));
const TaxRates = lazy(() => import("./taxes/TaxRates.tsx"));

/** Everything a platform operator has: the companies of this installation, what is sold to them, the numbers they brought, the nodes that hold
 * their calls, and what operators did. */
export default function OperatorPage() {
  const t = useText();
  const session = useSession();
  return (
    <div className={classes.page}>
      <header className={classes.bar}>
        <Logo />
        <span className={classes.barSpace} />
        <bdi className={classes.who}>{session.status === "signedIn" && session.user.displayName}</bdi>
        <LanguageMenu compact />
        <ThemeMenu />
        <Button variant="subtle" color="gray" size="sm" onClick={() => void signOut()} data-testid="sign-out">
          {t("user.signOut")}
        </Button>
      </header>
      <main className={classes.main}>
        <Tabs defaultValue="tenants" keepMounted={false}>
          <Tabs.List mb="lg">
            <Tabs.Tab value="tenants">{t("operator.tenants")}</Tabs.Tab>
            <Tabs.Tab value="plans" data-testid="tab-plans">
              {t("plans.tab")}
            </Tabs.Tab>
            <Tabs.Tab value="coupons" data-testid="tab-coupons">
              {t("coupons.title")}
            </Tabs.Tab>
            <Tabs.Tab value="numbers" data-testid="tab-numbers">
              {t("operator.numbers")}
            </Tabs.Tab>
            <Tabs.Tab value="inventory" data-testid="tab-inventory">
              {t("inventory.tab")}
            </Tabs.Tab>
            <Tabs.Tab value="invoices" data-testid="tab-invoices">
              {t("operator.invoices")}
            </Tabs.Tab>
            <Tabs.Tab value="entities" data-testid="tab-entities">
              {t("operator.entities")}
            </Tabs.Tab>
            <Tabs.Tab value="taxes" data-testid="tab-taxes">
              {t("taxRates.title")}
            </Tabs.Tab>
            <Tabs.Tab value="resale" data-testid="tab-resale">
              {t("resale.tab")}
            </Tabs.Tab>
            <Tabs.Tab value="rates" data-testid="tab-rates">
              {t("rates.title")}
            </Tabs.Tab>
            <Tabs.Tab value="meters" data-testid="tab-meters">
              {t("meters.title")}
            </Tabs.Tab>
            <Tabs.Tab value="differences" data-testid="tab-differences">
              {t("differences.title")}
            </Tabs.Tab>
            <Tabs.Tab value="nodes" data-testid="tab-nodes">
              {t("operator.nodes")}
            </Tabs.Tab>
            <Tabs.Tab value="audit" data-testid="tab-audit">
              {t("nav.audit")}
            </Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="tenants">
            <Tenants />
          </Tabs.Panel>
          <Tabs.Panel value="plans">
            <Plans />
          </Tabs.Panel>
          <Tabs.Panel value="coupons">
            <Suspense fallback={<Loading />}>
              <Coupons />
            </Suspense>
          </Tabs.Panel>
          <Tabs.Panel value="numbers">
            <Numbers />
          </Tabs.Panel>
          <Tabs.Panel value="inventory">
            <Suspense fallback={<Loading />}>
              <Inventory />
            </Suspense>
          </Tabs.Panel>
          <Tabs.Panel value="invoices">
            <Invoices />
          </Tabs.Panel>
          <Tabs.Panel value="entities">
            <LegalEntities />
          </Tabs.Panel>
          <Tabs.Panel value="taxes">
            <Suspense fallback={<Loading />}>
              <TaxRates />
            </Suspense>
          </Tabs.Panel>
          <Tabs.Panel value="resale">
            <Suspense fallback={<Loading />}>
              <Resales />
            </Suspense>
          </Tabs.Panel>
          <Tabs.Panel value="rates">
            <RateDecks />
          </Tabs.Panel>
          <Tabs.Panel value="meters">
            <Suspense fallback={<Loading />}>
              <Meters />
            </Suspense>
          </Tabs.Panel>
          <Tabs.Panel value="differences">
            <Differences />
          </Tabs.Panel>
          <Tabs.Panel value="nodes">
            <Nodes />
          </Tabs.Panel>
          <Tabs.Panel value="audit">
            <AuditPage />
          </Tabs.Panel>
        </Tabs>
      </main>
    </div>
  );
}
