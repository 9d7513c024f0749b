using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using HvSdk.Linux.Tests.Guests;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Many bytes through the emulated serial port without the loss of one, in both directions. HVSDK_SERIAL_BYTES says how many.</summary>
public sealed class SerialTests
{
    private const int BlockSize = 256;
    private const int NumberAt = 0x30;

    /// <summary>So much moves within one limit.</summary>
    private const int PieceSize = 16 << 10;

    private static readonly int s_size = int.Parse(Environment.GetEnvironmentVariable("HVSDK_SERIAL_BYTES") is { Length: > 0 } text ? text : "1048576", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(ChipPlacement.Host)]
    public async Task SerialOut_ManyBytes_ArrivesWhole(ChipPlacement chips)
    {
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { Chips = chips, Actions = $"serial-out={s_size}" });
        string begin = await guest.Console.ReadToAsync("serial-out=begin") + await guest.Console.ReadToAsync("\n");
        long start = Stopwatch.GetTimestamp();

        byte[] received = new byte[s_size];
        for (int at = 0; at < s_size; at += PieceSize)
        {
            int count = int.Min(PieceSize, s_size - at);
            (await guest.Console.ReadBytesAsync(count)).CopyTo(received.AsSpan(at));
        }

        Say("out of the guest", start);
        Assert.Contains($"md5={Sum(received)}", begin, StringComparison.Ordinal);
        AssertPattern(received);
        await guest.Console.ReadToAsync("HVSDK serial-out=end");
        Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
    }

    [Theory]
    [InlineData(ChipPlacement.Split)]
    public async Task SerialIn_ManyBytes_ArrivesWhole(ChipPlacement chips)
    {
        byte[] sent = Pattern();
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { Chips = chips, Actions = $"serial-in={s_size}" });
        await guest.Console.ReadToAsync("serial-in=ready");
        await guest.Console.ReadToAsync("\n");
        long start = Stopwatch.GetTimestamp();

        for (int at = 0; at < s_size; at += PieceSize)
        {
            await guest.Console.WriteAsync(sent.AsMemory(at, int.Min(PieceSize, s_size - at)));
        }

        string done = await guest.Console.ReadToAsync("serial-in=done") + await guest.Console.ReadToAsync("\n");

        Say("into the guest", start);
        Assert.Contains($"bytes={s_size} md5={Sum(sent)}", done, StringComparison.Ordinal);
        GuestReport report = await guest.ReadReportAsync();
        Assert.Equal("none", report["serial-in-difference"]);
        Assert.DoesNotContain("oe:", report["serial"], StringComparison.Ordinal);
    }

    private static void Say(string direction, long start) => TestContext.Current.TestOutputHelper?.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"{s_size} bytes {direction} in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s."));

    /// <summary>The pattern of tests/guests: each byte of a block is its offset, but for eight that are the block's number in hexadecimal.</summary>
    private static byte[] Pattern()
    {
        byte[] pattern = new byte[s_size];
        for (int i = 0; i < pattern.Length; i++)
        {
            pattern[i] = (byte)i;
        }

        for (int block = 0; block < s_size / BlockSize; block++)
        {
            Encoding.ASCII.GetBytes(block.ToString("x8", CultureInfo.InvariantCulture)).CopyTo(pattern.AsSpan((block * BlockSize) + NumberAt));
        }

        return pattern;
    }

    private static void AssertPattern(byte[] received)
    {
        int same = Pattern().AsSpan().CommonPrefixLength(received);
        Assert.True(same == s_size, $"The first wrong byte is number {same}, in block {same / BlockSize}.");
    }

#pragma warning disable CA5351 // the sum that busybox has; nobody attacks a test's bytes
    private static string Sum(byte[] bytes) => Convert.ToHexStringLower(MD5.HashData(bytes));
#pragma warning restore CA5351
}
