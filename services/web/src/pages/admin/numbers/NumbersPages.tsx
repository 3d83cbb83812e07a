import { lazy, Suspense } from "react";
import { useLocation } from "wouter";
import { Loading } from "../../../ui/LoadMore.tsx";

// Loaded from here, so that the shell, which has a budget, needn't know what they are made of.
const Numbers = lazy(() => import("../NumbersPage.tsx"));
const Porting = lazy(() => import("../porting/PortingPages.tsx"));

/** The company's numbers, and those that move. */
export default function NumbersPages() {
  const [location] = useLocation();
  return (
    <Suspense fallback={<Loading />}>
      {location.startsWith("/admin/numbers/porting") ? <Porting /> : <Numbers />}
    </Suspense>
  );
}
