using System.Diagnostics;
using HvSdk.Linux.Tests.Guests;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Time as the guest sees it, against the host's.</summary>
public sealed class ClockTests
{
    /// <summary>
    /// What the host may see later than the guest did it, its thread having waited for a processor. A clock calibrated wrongly is off by more: by the ratio of two frequencies.
    /// </summary>
    private static readonly TimeSpan s_delay = TimeSpan.FromMilliseconds(750);

    [Theory]
    [InlineData(ChipPlacement.Host, 1, "", "kvm-clock")]
    [InlineData(ChipPlacement.Split, 2, "", "kvm-clock")]
    [InlineData(ChipPlacement.Split, 1, "clocksource=acpi_pm", "acpi_pm")] // our own counter
    public async Task Clock_FiveSeconds_GoesForwardAtTheHostsRate(ChipPlacement chips, int processors, string arguments, string clock)
    {
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { Chips = chips, Processors = processors, Arguments = arguments, Actions = "clock" });
        await guest.Console.ReadToAsync("clock=start");
        long start = Stopwatch.GetTimestamp();
        await guest.Console.ReadToAsync("clock=end");
        TimeSpan host = Stopwatch.GetElapsedTime(start);

        GuestReport report = await guest.ReadReportAsync();

        Assert.Equal(clock, report["clocksource"]);
        Assert.Equal(0, report.Number("clock_backwards"));
        AssertSame(host, report.Number("clock_elapsed_us"));

        // The RTC goes by the host's time too, and the guest itself compares the two.
        AssertSame(TimeSpan.FromSeconds(report.Number("rtc_elapsed_s")), report.Number("rtc_elapsed_us_by_clock"));
    }

    [Theory]
    [InlineData(GuestKernel.Cloud, ChipPlacement.Host, 2)]
    [InlineData(GuestKernel.Standard, ChipPlacement.Split, 1)]
    public async Task Timer_TenSecondsOfSleep_AreNoShorterAndHardlyLonger(GuestKernel kernel, ChipPlacement chips, int processors)
    {
        await using LinuxGuest guest = await LinuxGuest.BootAsync(
            new GuestDescription { Kernel = kernel, Form = KernelForm.Pvh, Chips = chips, Processors = processors, Actions = "timer" });
        await guest.Console.ReadToAsync("timer=start");
        long start = Stopwatch.GetTimestamp();
        await guest.Console.ReadToAsync("timer=end");
        TimeSpan host = Stopwatch.GetElapsedTime(start);

        GuestReport report = await guest.ReadReportAsync();

        IReadOnlyList<long> sleeps = report.Numbers("timer_sleep_us");
        Assert.Equal(10, sleeps.Count);
        Assert.All(sleeps, static sleep => Assert.InRange(sleep, 1_000_000, 3_000_000));
        AssertSame(host, sleeps.Sum());
    }

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task Alarm_OfTheRtc_Interrupts(ChipPlacement chips)
    {
        (GuestReport report, _) = await LinuxGuest.RunAsync(new GuestDescription { Chips = chips, Actions = "alarm,interrupts" });

        Assert.InRange(report.Number("alarm_us"), 900_000, 9_000_000);
        Assert.True(report.Number("irq.rtc0") > 0, "The RTC has not interrupted.");
    }

    private static void AssertSame(TimeSpan expected, long microseconds) =>
        Assert.InRange(microseconds, (expected - s_delay).TotalMicroseconds, (expected + s_delay).TotalMicroseconds);
}
