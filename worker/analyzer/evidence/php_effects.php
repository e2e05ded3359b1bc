<?php
// Measures the effects that PHP rules claim: `php php_effects.php`.
//
// The two sides take turns; each time is the least of 9 turns, in milliseconds of processor time, which a busy machine
// disturbs least.

namespace Effects;

function processor_ms(): float
{
    $usage = getrusage();
    return $usage['ru_utime.tv_sec'] * 1e3 + $usage['ru_utime.tv_usec'] / 1e3
        + $usage['ru_stime.tv_sec'] * 1e3 + $usage['ru_stime.tv_usec'] / 1e3;
}

function compare(string $name, callable $bad, callable $good): void
{
    $least = [INF, INF];
    for ($turn = 0; $turn < 9; $turn++) {
        foreach ([$bad, $good] as $side => $work) {
            $start = processor_ms();
            $work();
            $least[$side] = min($least[$side], processor_ms() - $start);
        }
    }
    printf("%s: %.2f ms against %.2f ms, %.1fx\n", $name, $least[0], $least[1], $least[0] / $least[1]);
}

printf("PHP %s\n", PHP_VERSION);

$rows = range(1, 1_000_000);
compare('EC-PHP-003 count() before each of 1,000,000 rounds', function () use ($rows) {
    $sum = 0;
    for ($i = 0; $i < count($rows); $i++) {
        $sum += $rows[$i];
    }
    return $sum;
}, function () use ($rows) {
    $sum = 0;
    for ($i = 0, $n = count($rows); $i < $n; $i++) {
        $sum += $rows[$i];
    }
    return $sum;
});

$parts = array_fill(0, 2_000, range(1, 10));
compare('EC-PHP-101 array_merge of 2,000 parts of 10 items', function () use ($parts) {
    $all = [];
    foreach ($parts as $part) {
        $all = array_merge($all, $part);
    }
    return $all;
}, fn () => array_merge(...$parts));

$items = range(1, 5_000);
compare('EC-PHP-102 in_array in a list that grows to 5,000', function () use ($items) {
    $seen = [];
    foreach ($items as $item) {
        if (!in_array($item, $seen)) {
            $seen[] = $item;
        }
    }
    return $seen;
}, function () use ($items) {
    $seen = [];
    foreach ($items as $item) {
        if (!isset($seen[$item])) {
            $seen[$item] = true;
        }
    }
    return $seen;
});

compare('EC-PHP-103 $s = $s . piece, 20,000 pieces of 10 bytes', function () {
    $s = '';
    for ($i = 0; $i < 20_000; $i++) {
        $s = $s . '0123456789';
    }
    return $s;
}, function () {
    $s = '';
    for ($i = 0; $i < 20_000; $i++) {
        $s .= '0123456789';
    }
    return $s;
});

$options = array_fill_keys(array_map(fn ($n) => "option$n", range(1, 100)), 1);
compare('EC-PHP-104 in_array(array_keys()) of 100 keys, 10,000 times', function () use ($options) {
    for ($i = 0; $i < 10_000; $i++) {
        $found = in_array('option50', array_keys($options));
    }
    return $found;
}, function () use ($options) {
    for ($i = 0; $i < 10_000; $i++) {
        $found = array_key_exists('option50', $options);
    }
    return $found;
});

$lines = array_fill(0, 100_000, 'Subject: a line of forty characters here');
compare('EC-PHP-106 preg_match of a fixed start, 100,000 lines', function () use ($lines) {
    $n = 0;
    foreach ($lines as $line) {
        $n += preg_match('/^Subject: /', $line);
    }
    return $n;
}, function () use ($lines) {
    $n = 0;
    foreach ($lines as $line) {
        $n += (int) str_starts_with($line, 'Subject: ');
    }
    return $n;
});
compare('EC-PHP-106 preg_replace of a fixed text, 100,000 lines', function () use ($lines) {
    foreach ($lines as $line) {
        $out = preg_replace('/forty/', '40', $line);
    }
    return $out;
}, function () use ($lines) {
    foreach ($lines as $line) {
        $out = str_replace('forty', '40', $line);
    }
    return $out;
});

compare('EC-PHP-107 array_unshift of 5,000 items', function () use ($items) {
    $newest = [];
    foreach ($items as $item) {
        array_unshift($newest, $item);
    }
    return $newest;
}, function () use ($items) {
    $newest = [];
    foreach ($items as $item) {
        $newest[] = $item;
    }
    return array_reverse($newest);
});

$GLOBALS['rate'] = 3;
compare('EC-PHP-004 global in a function, 1,000,000 calls', function () {
    for ($i = 0; $i < 1_000_000; $i++) {
        $x = of_global();
    }
    return $x;
}, function () {
    for ($i = 0; $i < 1_000_000; $i++) {
        $x = of_parameter(3);
    }
    return $x;
});

function of_global()
{
    global $rate;
    return $rate;
}

function of_parameter($rate)
{
    return $rate;
}

printf("EC-PHP-317 md5('240610708') == md5('QNKCDZO'): %s\n", var_export(md5('240610708') == md5('QNKCDZO'), true));
