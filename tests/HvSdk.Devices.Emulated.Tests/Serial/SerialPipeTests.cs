using System.IO.Pipelines;
using HvSdk.Devices.Emulated.Tests.Streams;

namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>The two streams between the guest's UART and the host: nothing lost, nothing unbounded, nobody blocked that may not be.</summary>
public sealed class SerialPipeTests
{
    private const int Mebibyte = 1 << 20;

    [Fact]
    public async Task Output_AByte_ReachesAWaitingReader()
    {
        using var uart = new SerialBench();
        Task<byte[]> read = uart.TakeAsync(1);

        uart.Data = (byte)'A';

        Assert.Equal("A"u8.ToArray(), await read);
    }

    [Fact]
    public async Task Output_OneMebibyte_ArrivesWholeAndInOrder()
    {
        using var uart = new SerialBench();
        uart.Fcr = 0x01;
        Task<byte[]> read = uart.TakeAsync(Mebibyte);

        // The guest sends as a driver does: 16 bytes whenever the transmitter is empty.
        for (int i = 0; i < Mebibyte; i += 16)
        {
            Waits.Until(() => (uart.Lsr & 0x20) != 0, "the transmitter is empty");
            for (int j = 0; j < 16; j++)
            {
                uart.Data = Pattern(i + j);
            }
        }

        AssertPattern(await read);
        Assert.Equal(0, uart.Serial.DiscardedBytes);
    }

    [Fact]
    public async Task Input_OneMebibyte_ArrivesWholeAndInOrder()
    {
        using var uart = new SerialBench();
        uart.Fcr = 0x01;
        byte[] sent = [.. Enumerable.Range(0, Mebibyte).Select(Pattern)];
        Task<FlushResult> write = Task.Run(async () => await uart.Serial.Pipe.Output.WriteAsync(sent));

        byte[] received = new byte[Mebibyte];
        for (int i = 0; i < Mebibyte; i++)
        {
            if ((uart.Lsr & 0x01) == 0)
            {
                uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(1)); // the gap after many without one
                Waits.Until(() => (uart.Lsr & 0x01) != 0, $"byte {i} is there");
            }

            received[i] = uart.Data;
        }

        AssertPattern(received);
        await write.Within("the host's write");
    }

    [Fact]
    public async Task Input_GuestDoesNotRead_TheHostsFlushWaits()
    {
        using var uart = new SerialBench(new SerialPort16550A { BufferSize = 1024 });
        Task<FlushResult> write = uart.Serial.Pipe.Output.WriteAsync(new byte[4096]).AsTask();
        Assert.False(write.IsCompleted);

        for (int i = 0; i < 4096; i++)
        {
            if ((uart.Lsr & 0x01) == 0)
            {
                uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(1)); // the gap after many without one
            }

            Assert.Equal(0x01, uart.Lsr & 0x01);
            _ = uart.Data;
        }

        Assert.False((await write.Within("the host's flush")).IsCompleted);
        Assert.Equal(0x60, uart.Lsr);
    }

    [Fact]
    public async Task Output_HostDoesNotRead_TheTransmitterStaysFullAndNothingIsLost()
    {
        using var uart = new SerialBench(new SerialPort16550A { BufferSize = 1024 });
        PipeReader reader = uart.Serial.Pipe.Input;
        uart.Fcr = 0x01;
        uart.Mcr = 0x08;
        int sent = 0;
        while ((uart.Lsr & 0x20) != 0)
        {
            for (int i = 0; i < 16; i++)
            {
                uart.Data = Pattern(sent++);
            }

            Assert.True(sent <= 16 * 1024, "The guest wrote 16 KiB into a buffer of 1 KiB.");
        }

        Assert.Equal(0x00, uart.Lsr & 0x60);
        uart.Ier = 0x02;
        Assert.False(uart.Interrupt.IsAsserted);

        byte[] received = await reader.TakeAsync(sent - 16);
        Waits.Until(() => uart.Interrupt.IsAsserted, "the transmitter interrupts when there is room again");
        Assert.Equal(0x60, uart.Lsr);
        byte[] rest = await reader.TakeAsync(16);
        AssertPattern([.. received, .. rest]);
        Assert.Equal(0, uart.Serial.DiscardedBytes);
    }

    [Fact]
    public void Output_GuestIgnoresAFullTransmitter_LosesOnlyThenAndIsCounted()
    {
        using var uart = new SerialBench(new SerialPort16550A { BufferSize = 1024, WaitsForReader = true });
        for (int i = 0; i < 100_000; i++)
        {
            uart.Data = 1;
        }

        Assert.Equal(0x00, uart.Lsr & 0x60);
        Assert.InRange(uart.Serial.DiscardedBytes, 80_000, 99_999);
    }

    [Fact]
    public async Task Output_NobodyHasComeToRead_TheNewestAreKeptAndTheGuestRunsOn()
    {
        using var uart = new SerialBench(new SerialPort16550A { BufferSize = 8192 });
        for (int i = 0; i < 100_000; i++)
        {
            Assert.Equal(0x60, uart.Lsr);
            uart.Data = Pattern(i);
        }

        _ = uart.Serial.SaveState(); // passes everything on
        long discarded = uart.Serial.DiscardedBytes;
        Assert.Equal(100_000 - 8192, discarded);
        byte[] kept = await uart.TakeAsync(8192);
        AssertPattern(kept, (int)discarded);
    }

    [Fact]
    public async Task Output_ReaderCompleted_TheGuestRunsOnAndItsBytesAreCounted()
    {
        using var uart = new SerialBench();
        await uart.Serial.Pipe.Input.CompleteAsync();

        for (int i = 0; i < 200_000; i++)
        {
            Assert.Equal(0x60, uart.Lsr);
            uart.Data = 1;
        }

        Assert.InRange(uart.Serial.DiscardedBytes, 150_000, 200_000);
    }

    [Fact]
    public async Task Output_OnlyTheInputIsTaken_TheGuestRunsOn()
    {
        using var uart = new SerialBench(new SerialPort16550A { BufferSize = 1024 });
        await uart.SendAsync(1);
        for (int i = 0; i < 10_000; i++)
        {
            uart.Data = 1;
        }

        Assert.Equal(0x61, uart.Lsr);
    }

    [Fact]
    public async Task Dispose_OutputLeft_IsReadAndThenTheEnd()
    {
        var uart = new SerialBench();
        uart.Data = (byte)'z';
        uart.Dispose();

        ReadResult result = await uart.Serial.Pipe.Input.ReadAsync();

        Assert.Equal(1, result.Buffer.Length);
        Assert.True(result.IsCompleted);
        Assert.True((await uart.Serial.Pipe.Output.WriteAsync(new byte[1])).IsCompleted);
    }

    [Fact]
    public void Dispose_GuestStillRuns_DoesNoHarm()
    {
        var uart = new SerialBench();
        uart.Dispose();
        uart.Dispose();

        uart.Fcr = 0x81;
        uart.Ier = 0x0F;
        for (int i = 0; i < 100; i++)
        {
            uart.Data = 1;
        }

        Assert.Equal(0x60, uart.Lsr);
    }

    [Fact]
    public void Output_SteadyState_AllocatesNothing()
    {
        using var uart = new SerialBench();
        SerialPort16550A device = uart.Serial;
        uart.Serial.Pipe.Input.Complete();
        byte[] data = [1];

        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 10_000; i++)
            {
                device.Write(0, data);
                device.Read(5, data);
            }
        }));
    }

    [Theory]
    [InlineData(63)]
    [InlineData(0)]
    [InlineData((1 << 30) + 1)]
    public void BufferSize_OutOfRange_IsRefused(int size) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SerialPort16550A { BufferSize = size });

    private static byte Pattern(int index) => (byte)((index * 31) + (index >> 8) + (index >> 16));

    private static void AssertPattern(byte[] bytes, int start = 0)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != Pattern(start + i))
            {
                Assert.Fail($"Byte {i} of {bytes.Length} is 0x{bytes[i]:X2}, and 0x{Pattern(start + i):X2} was sent.");
            }
        }
    }
}
