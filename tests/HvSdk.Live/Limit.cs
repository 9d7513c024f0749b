using System.Globalization;

namespace HvSdk.Live;

/// <summary>How long a test waits for anything: long enough that only a defect reaches it. HVSDK_TEST_TIMEOUT_SECONDS changes it.</summary>
public static class Limit
{
    private const string Variable = "HVSDK_TEST_TIMEOUT_SECONDS";

    /// <summary>The limit.</summary>
    public static TimeSpan Value { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text
        ? TimeSpan.FromSeconds(double.Parse(text, CultureInfo.InvariantCulture))
        : TimeSpan.FromSeconds(60);

    /// <summary>Says what did not happen in time.</summary>
    /// <param name="what">What was waited for.</param>
    public static TimeoutException Exceeded(string what) =>
        new($"Waited {Value.TotalSeconds:0.#} s for {what}, and it did not come. ({Variable} sets the limit, for slow machines.)");

    /// <summary>Waits for a task and gives its result, or its exception.</summary>
    /// <typeparam name="T">The result.</typeparam>
    /// <param name="task">The task.</param>
    /// <param name="what">What is waited for, for the message.</param>
    public static T Await<T>(Task<T> task, string what)
    {
        ArgumentNullException.ThrowIfNull(task);
        Await((Task)task, what);
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Waits for a task, and throws its exception.</summary>
    /// <param name="task">The task.</param>
    /// <param name="what">What is waited for, for the message.</param>
    public static void Await(Task task, string what)
    {
        ArgumentNullException.ThrowIfNull(task);

        // Task.Wait would wrap the exception; a wait handle does not.
        if (!((IAsyncResult)task).AsyncWaitHandle.WaitOne(Value))
        {
            throw Exceeded(what);
        }

        task.GetAwaiter().GetResult();
    }

    /// <summary>Waits until something holds, looking again and again.</summary>
    /// <param name="condition">What shall hold.</param>
    /// <param name="what">What is waited for, for the message.</param>
    public static void Until(Func<bool> condition, string what)
    {
        if (!SpinWait.SpinUntil(condition, Value))
        {
            throw Exceeded(what);
        }
    }
}
