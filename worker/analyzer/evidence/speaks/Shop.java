import java.io.*;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.text.SimpleDateFormat;
import java.util.*;
import java.util.stream.Collectors;
import javax.naming.directory.*;
import javax.servlet.http.*;
import com.amazonaws.services.lambda.runtime.Context;
import com.fasterxml.jackson.databind.ObjectMapper;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.*;

/** Code as one meets it, written from the rules' titles alone: `precision.py speaks` says which rules notice. */
public class Shop extends HttpServlet {
    private OrderRepository orderRepository;
    private volatile boolean stopped;

    Order cheapest(List<Order> orders) {
        return orders.stream()
                .sorted(Comparator.comparing(Order::total)) // EC-JV-106
                .findFirst()
                .orElse(null);
    }

    int openOrders(List<Order> orders) {
        return orders.stream().filter(Order::isOpen).collect(Collectors.toList()).size(); // EC-JV-115
    }

    boolean anyLate(List<Order> orders) {
        return orders.stream().filter(o -> o.isLate()).count() > 0; // EC-JV-116
    }

    boolean hasGift(List<Order> orders) {
        return orders.stream().filter(Order::isGift).findFirst().isPresent(); // EC-JV-104
    }

    void awaitStop() {
        while (!stopped) { } // EC-JV-401
    }

    List<Message> poll(SqsClient sqs, String url) {
        ReceiveMessageRequest request = ReceiveMessageRequest.builder().queueUrl(url).maxNumberOfMessages(10).build(); // EC-JV-402
        return sqs.receiveMessage(request).messages();
    }

    List<Invoice> invoices(List<Long> ids) {
        List<Invoice> invoices = new ArrayList<>();
        for (Long id : ids) {
            Order order = orderRepository.findById(id).orElseThrow(); // EC-JV-001
            invoices.add(new Invoice(order));
        }
        return invoices;
    }

    int checksum(File file) throws IOException {
        int sum = 0;
        FileInputStream in = new FileInputStream(file);
        try {
            int b;
            while ((b = in.read()) != -1) { // EC-JV-028
                sum += b;
            }
        } finally {
            in.close();
        }
        return sum;
    }

    List<String> days(List<Order> orders) {
        List<String> days = new ArrayList<>();
        for (Order order : orders) {
            SimpleDateFormat format = new SimpleDateFormat("yyyy-MM-dd"); // EC-JV-109
            days.add(format.format(order.date()));
        }
        return days;
    }

    public String handleRequest(Map<String, String> event, Context context) {
        DynamoDbClient db = DynamoDbClient.create(); // EC-JV-114
        return db.listTables().toString();
    }

    void register(String name) {
        synchronized ("registry") { // EC-JV-203
            names.add(name);
        }
    }

    BigDecimal withTax(BigDecimal net) {
        return net.multiply(new BigDecimal(1.19)); // EC-JV-204
    }

    void startWorker(Runnable work) {
        Thread worker = new Thread(work);
        worker.run(); // EC-JV-207
    }

    ResultSet find(Connection connection, String name) throws SQLException {
        Statement statement = connection.createStatement();
        return statement.executeQuery("SELECT id, total FROM orders WHERE customer = '" + name + "'"); // EC-JV-301
    }

    String resetToken() {
        Random random = new Random();
        String resetToken = Long.toHexString(random.nextLong()); // EC-JV-310
        return resetToken;
    }

    NamingEnumeration<SearchResult> person(DirContext context, String login) throws Exception {
        return context.search("ou=people", "(uid=" + login + ")", new SearchControls()); // EC-JV-312
    }

    ObjectMapper mapper() {
        ObjectMapper mapper = new ObjectMapper();
        mapper.enableDefaultTyping(); // EC-JV-323
        return mapper;
    }

    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Cookie cookie = new Cookie("session", newSession());
        cookie.setSecure(false); // EC-JV-314
        response.addCookie(cookie);
        File file = new File("/srv/files", request.getParameter("name")); // EC-JV-315
        response.getWriter().println("Hello " + request.getParameter("who")); // EC-JV-320
    }

    protected void configure(HttpSecurity http) throws Exception {
        http.csrf().disable().authorizeRequests().anyRequest().authenticated(); // EC-JV-317
    }
}
