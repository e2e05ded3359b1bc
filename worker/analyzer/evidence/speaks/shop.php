<?php
// Code as one meets it, written from the rules' titles alone: `precision.py speaks` says which rules notice.

class ShopController
{
    private $apiKey = 'f3Kd93jfkQ0x81LmPz77'; // EC-PHP-307

    public function await($server)
    {
        while (!$server->ready) {} // EC-PHP-401
    }

    public function calculate()
    {
        eval('$result = ' . $_GET['expression'] . ';'); // EC-PHP-301
    }

    public function hello()
    {
        echo '<h1>Hello ' . $_GET['name'] . '</h1>'; // EC-PHP-305
    }

    public function restore()
    {
        return unserialize($_COOKIE['cart']); // EC-PHP-309
    }

    public function page()
    {
        include 'pages/' . $_GET['page'] . '.php'; // EC-PHP-310
    }

    public function form()
    {
        extract($_POST); // EC-PHP-311
    }

    public function login()
    {
        setcookie('session', $this->newSession(), time() + 3600, '/', '', false, false); // EC-PHP-315
        header('Location: ' . $_GET['next']); // EC-PHP-312
    }

    public function download()
    {
        readfile('files/' . $_GET['name']); // EC-PHP-314
    }

    public function seal($text, $key)
    {
        return openssl_encrypt($text, 'aes-128-ecb', $key); // EC-PHP-316
    }
}
