namespace HvSdk.Tests;

/// <summary>Waits that end, and say what they waited for.</summary>
internal static class Limits
{
    /// <summary>Far beyond what a loaded machine needs; it only decides how long a failure takes.</summary>
    internal static TimeSpan Limit { get; } = TimeSpan.FromSeconds(60);

    /// <summary>Starts an action on a thread of its own.</summary>
    internal static Task OnThread(Action action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                action();
                done.SetResult();
            }
#pragma warning disable CA1031 // the exception belongs to whoever awaits
            catch (Exception e)
#pragma warning restore CA1031
            {
                done.SetException(e);
            }
        })
        {
            IsBackground = true,
        };
        thread.Start();
        return done.Task;
    }

    /// <summary>Waits for a task.</summary>
    internal static async Task Within(this Task task, string what)
    {
        try
        {
            await task.WaitAsync(Limit, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException) when (!task.IsCompleted)
        {
            Assert.Fail($"Waited {Limit} in vain for {what}.");
        }
    }

    /// <summary>Waits until something holds.</summary>
    internal static void Until(Func<bool> holds, string what) =>
        Assert.True(SpinWait.SpinUntil(holds, Limit), $"Waited {Limit} in vain until {what}.");
}
