import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.SimpleDateFormat;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Date;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;

/**
 * Measures the effects that Java rules claim: {@code java JavaEffects.java}.
 *
 * <p>The two sides take turns; after 20 warm-up turns each time is the least of 30, of wall time. Results flow into a
 * sink, so that the compiler can't leave the work out.
 */
final class JavaEffects {
    private static final List<Integer> NUMBERS =
            IntStream.range(0, 100_000).map(i -> (int) (i * 7919L % 100_003)).boxed().toList();
    private static final List<String> WORDS =
            IntStream.range(0, 10_000).mapToObj(i -> "word" + i * 7919L % 5_003).toList();
    private static volatile Object sink;

    private static void compare(String name, Supplier<Object> bad, Supplier<Object> good) {
        double[] least = {Double.MAX_VALUE, Double.MAX_VALUE};
        for (int turn = 0; turn < 50; turn++) {
            for (int side = 0; side < 2; side++) {
                long start = System.nanoTime();
                sink = (side == 0 ? bad : good).get();
                double took = (System.nanoTime() - start) / 1e6;
                if (turn >= 20) {
                    least[side] = Math.min(least[side], took);
                }
            }
        }
        System.out.printf("%s: %.4f ms against %.4f ms, %.1fx%n", name, least[0], least[1], least[0] / least[1]);
    }

    private static Object boxedSum() {
        Long sum = 0L;
        for (long i = 0; i < 1_000_000; i++) {
            sum += i;
        }
        return sum;
    }

    private static Object plainSum() {
        long sum = 0L;
        for (long i = 0; i < 1_000_000; i++) {
            sum += i;
        }
        return sum;
    }

    private static Object frontOfList() {
        List<Integer> list = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            list.add(0, i);
        }
        return list;
    }

    private static Object frontOfDeque() {
        ArrayDeque<Integer> list = new ArrayDeque<>();
        for (int i = 0; i < 20_000; i++) {
            list.addFirst(i);
        }
        return list;
    }

    private static Object distinctInList() {
        List<String> seen = new ArrayList<>();
        for (String word : WORDS) {
            if (!seen.contains(word)) {
                seen.add(word);
            }
        }
        return seen;
    }

    private static Object distinctInSet() {
        return new ArrayList<>(new LinkedHashSet<>(WORDS));
    }

    private static long readAll(InputStream in) {
        try (in) {
            long sum = 0;
            int c;
            while ((c = in.read()) != -1) {
                sum += c;
            }
            return sum;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static InputStream open(Path file) {
        try {
            return new FileInputStream(file.toFile());
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Object formatEach() {
        Date day = new Date(0);
        String last = "";
        for (int i = 0; i < 1_000; i++) {
            last = new SimpleDateFormat("yyyy-MM-dd").format(day);
        }
        return last;
    }

    private static Object formatOnce() {
        Date day = new Date(0);
        String last = "";
        SimpleDateFormat format = new SimpleDateFormat("yyyy-MM-dd");
        for (int i = 0; i < 1_000; i++) {
            last = format.format(day);
        }
        return last;
    }

    private static Object factories(int n) {
        Object last = null;
        for (int i = 0; i < n; i++) {
            last = DocumentBuilderFactory.newInstance();
        }
        return last;
    }

    private static Object dice(boolean fresh) {
        int sum = 0;
        for (int i = 0; i < 10_000; i++) {
            sum += fresh ? new Random().nextInt(6) : ThreadLocalRandom.current().nextInt(6);
        }
        return sum;
    }

    private static Object copyByHand(int[] from) {
        int[] to = new int[from.length];
        for (int i = 0; i < from.length; i++) {
            to[i] = from[i];
        }
        return to;
    }

    private static double spinning(boolean empty) throws InterruptedException {
        Thread waiting = new Thread(() -> {
            while (!stop) {
                if (!empty) {
                    try {
                        Thread.sleep(50);
                    } catch (InterruptedException e) {
                        return;
                    }
                }
            }
        });
        stop = false;
        var threads = java.lang.management.ManagementFactory.getThreadMXBean();
        waiting.start();
        Thread.sleep(1_000);
        double share = threads.getThreadCpuTime(waiting.threadId()) / 1e7;
        stop = true;
        waiting.join();
        return share;
    }

    private static volatile boolean stop;

    public static void main(String[] arguments) throws Exception {
        System.out.println(System.getProperty("java.vm.version"));
        compare("sorted().findFirst() against min(), 100000", () -> NUMBERS.stream().sorted().findFirst(),
                () -> NUMBERS.stream().min(Comparator.naturalOrder()));
        compare("Long sum against long sum, 1000000", JavaEffects::boxedSum, JavaEffects::plainSum);
        compare("ArrayList.add(0, x) against ArrayDeque.addFirst, 20000", JavaEffects::frontOfList, JavaEffects::frontOfDeque);
        compare("5000 distinct of 10000: list against set", JavaEffects::distinctInList, JavaEffects::distinctInSet);
        compare("collect(toList()).size() against count(), 100000",
                () -> NUMBERS.stream().filter(n -> n % 2 == 0).collect(Collectors.toList()).size(),
                () -> NUMBERS.stream().filter(n -> n % 2 == 0).count());
        compare("count() > 0 against anyMatch(), 100000, an early match",
                () -> NUMBERS.stream().filter(n -> n > 5_000).count() > 0, () -> NUMBERS.stream().anyMatch(n -> n > 5_000));
        Path file = Files.createTempFile("effects", ".bin");
        Files.write(file, new byte[200_000]);
        compare("read() of 200 kB without and with a buffer", () -> readAll(open(file)),
                () -> readAll(new BufferedInputStream(open(file))));
        Files.delete(file);
        compare("new Random().nextInt() against ThreadLocalRandom, 10000", () -> dice(true), () -> dice(false));
        compare("1000 SimpleDateFormat against one", JavaEffects::formatEach, JavaEffects::formatOnce);
        compare("100 DocumentBuilderFactory against one", () -> factories(100), () -> factories(1));
        byte[][] live = new byte[2_000][];
        for (int i = 0; i < live.length; i++) {
            live[i] = new byte[100_000];
        }
        List<Integer> boxes = new ArrayList<>(IntStream.range(0, 3_000_000).map(i -> i + 1_000).boxed().toList());
        compare("System.gc() with 3 million live objects against none asked for", () -> {
            System.gc();
            return boxes;
        }, () -> boxes);
        System.out.printf("share of a core while waiting: %.1f %% in an empty loop, %.1f %% with sleep(50)%n",
                spinning(true), spinning(false));
        // Measured and found too small: no rule says these.
        int[] numbers = new int[100_000];
        compare("array copied by hand against clone(), 100000", () -> copyByHand(numbers), numbers::clone);
        sink = live;
    }
}
