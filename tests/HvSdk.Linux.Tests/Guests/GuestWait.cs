using System.Diagnostics;
using HvSdk.Live;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>Waits for what a guest does in its own time, and leaves it the processor meanwhile.</summary>
internal static class GuestWait
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Looks now and then until something holds.</summary>
    /// <param name="holds">What shall hold.</param>
    /// <param name="what">What is waited for, for the message.</param>
    public static async Task UntilAsync(Func<bool> holds, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!holds())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit.Value)
            {
                throw Limit.Exceeded(what);
            }

            await Task.Delay(s_pause, TestContext.Current.CancellationToken);
        }
    }
}
