using System;
using System.Collections.Generic;
using System.Data.SqlClient;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using System.Xml;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;

/// Code as one meets it, written from the rules' titles alone: `precision.py speaks` says which rules notice.
public class ShopController : Controller
{
    private readonly ShopContext _context;
    private volatile bool _stopped;
    private const string ApiKey = "f3Kd93jfkQ0x81LmPz77"; // EC-CS-307

    void AwaitStop()
    {
        while (!_stopped) { } // EC-CS-401
    }

    void PrintAll(IEnumerable<Order> orders)
    {
        for (int i = 0; i < orders.Count(); i++) // EC-CS-069
        {
            Console.WriteLine(orders.ElementAt(i).Id);
        }
    }

    async Task<List<Customer>> Customers(IEnumerable<Order> orders)
    {
        var customers = new List<Customer>();
        foreach (var order in orders)
        {
            customers.Add(await _context.Customers.FirstOrDefaultAsync(c => c.Id == order.CustomerId)); // EC-CS-072
        }
        return customers;
    }

    int CountCodes(IEnumerable<string> lines)
    {
        int n = 0;
        foreach (var line in lines)
        {
            if (new Regex(@"^[A-Z]{2}\d+$").IsMatch(line)) n++; // EC-CS-077
        }
        return n;
    }

    bool IsCode(string text)
    {
        var pattern = new Regex(@"^[A-Z]{2}\d+$", RegexOptions.Compiled); // EC-CS-101
        return pattern.IsMatch(text);
    }

    Order Newest(IEnumerable<Order> orders)
    {
        return orders.OrderByDescending(o => o.Date).ToList()[0]; // EC-CS-103
    }

    async Task<string> Load(string url)
    {
        await Task.Yield();
        return _client.GetStringAsync(url).Result; // EC-CS-104
    }

    async Task Import(IEnumerable<Order> orders)
    {
        foreach (var order in orders)
        {
            _context.Orders.Add(order);
            await _context.SaveChangesAsync(); // EC-CS-105
        }
    }

    async Task Retry()
    {
        while (!await Try())
        {
            Thread.Sleep(1000); // EC-CS-106
        }
    }

    List<Order> OpenByDate(List<Order> orders)
    {
        return orders.OrderBy(o => o.Date).Where(o => o.Open).ToList(); // EC-CS-109
    }

    void Convert(string name)
    {
        Process.Start("cmd.exe", "/c convert " + name + " out.png"); // EC-CS-302
    }

    SqlCommand Find(SqlConnection connection, string name)
    {
        return new SqlCommand("SELECT Id FROM Customers WHERE Name = '" + name + "'", connection); // EC-CS-304
    }

    string HashPassword(string password)
    {
        using var sha = SHA256.Create();
        return System.Convert.ToBase64String(sha.ComputeHash(Encoding.UTF8.GetBytes(password))); // EC-CS-305
    }

    string ResetToken()
    {
        var random = new Random();
        var resetToken = random.Next().ToString("x"); // EC-CS-306
        return resetToken;
    }

    XmlDocument Read(Stream body)
    {
        var document = new XmlDocument { XmlResolver = new XmlUrlResolver() }; // EC-CS-308
        document.Load(body);
        return document;
    }

    public IActionResult Login(string returnUrl)
    {
        Response.Cookies.Append("session", NewSession(), new CookieOptions { HttpOnly = false }); // EC-CS-309
        return Redirect(returnUrl); // EC-CS-311
    }

    public IActionResult Hello()
    {
        return Content("<h1>Hello " + Request.Query["name"] + "</h1>", "text/html"); // EC-CS-313
    }
}
