using System.IO.Pipelines;
using HvSdk.Devices.Emulated.Tests.Streams;

namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>The two streams between the guest's PL011 and the host: nothing lost, nothing unbounded, nobody blocked that may not be.</summary>
public sealed class Pl011PipeTests
{
    private const int Count = 1 << 17;

    [Fact]
    public async Task Output_AByte_ReachesAWaitingReader()
    {
        using var uart = new Pl011Bench();
        Task<byte[]> read = uart.TakeAsync(1);

        uart.Data = 'A';

        Assert.Equal("A"u8.ToArray(), await read);
    }

    [Fact]
    public async Task Output_ManyBytes_ArriveWholeAndInOrder()
    {
        using var uart = new Pl011Bench();
        Task<byte[]> read = uart.TakeAsync(Count);

        for (int i = 0; i < Count; i++)
        {
            if ((uart.Fr & Pl011Bench.TransmitterFull) != 0)
            {
                Waits.Until(() => (uart.Fr & Pl011Bench.TransmitterFull) == 0, "the transmitter has room");
            }

            uart.Data = Pattern(i);
        }

        AssertPattern(await read, Count);
        Assert.Equal(0, uart.Serial.DiscardedBytes);
    }

    [Fact]
    public async Task Input_ManyBytes_ArriveWholeAndInOrder()
    {
        using var uart = new Pl011Bench();
        byte[] sent = [.. Enumerable.Range(0, Count).Select(Pattern)];
        Task<FlushResult> write = Task.Run(async () => await uart.Serial.Pipe.Output.WriteAsync(sent));

        byte[] received = new byte[Count];
        for (int i = 0; i < Count; i++)
        {
            if ((uart.Fr & Pl011Bench.ReceiverEmpty) != 0)
            {
                uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(1)); // the gap after many without one
                Waits.Until(() => (uart.Fr & Pl011Bench.ReceiverEmpty) == 0, $"byte {i} is there");
            }

            received[i] = (byte)uart.Data;
        }

        AssertPattern(received, Count);
        await write.Within("the host's write");
    }

    [Fact]
    public async Task Output_HostDoesNotRead_TheTransmitterFillsAndNothingIsLost()
    {
        using var uart = new Pl011Bench(Pl011Bench.Make(bufferSize: 1024));
        PipeReader reader = uart.Serial.Pipe.Input;
        int sent = 0;
        while ((uart.Fr & Pl011Bench.TransmitterFull) == 0)
        {
            uart.Data = Pattern(sent++);
            Assert.True(sent <= 16 * 1024, "The guest wrote 16 KiB into a buffer of 1 KiB.");
        }

        uart.Imsc = Pl011Bench.TransmitInterrupt;
        uart.Icr = Pl011Bench.TransmitInterrupt;
        Assert.False(uart.Interrupt.IsAsserted);

        byte[] received = await reader.TakeAsync(sent - 32);
        Waits.Until(() => uart.Interrupt.IsAsserted, "the transmitter interrupts when there is room again");
        Assert.Equal(Pl011Bench.TransmitterEmpty, uart.Fr & 0xA8);
        byte[] rest = await reader.TakeAsync(sent - received.Length);
        AssertPattern([.. received, .. rest], sent);
        Assert.Equal(0, uart.Serial.DiscardedBytes);
    }

    [Fact]
    public async Task Output_DisabledUart_KeepsWhatItGetsUntilEnabled()
    {
        using var uart = new Pl011Bench(Pl011Bench.Make(startsEnabled: false));
        uart.LcrH = 0x70;
        for (int i = 0; i < 33; i++)
        {
            uart.Data = Pattern(i);
        }

        Assert.Equal(Pl011Bench.TransmitterFull, uart.Fr & 0xA0);
        Assert.Equal(1, uart.Serial.DiscardedBytes);
        uart.Cr = 0x0301;

        Assert.Equal(Pl011Bench.TransmitterEmpty, uart.Fr & 0xA8);
        AssertPattern(await uart.TakeAsync(32), 32);
    }

    [Fact]
    public async Task Output_CtsFlowControl_WaitsForTheHost()
    {
        using var uart = new Pl011Bench();
        uart.Cr = 0x8301;
        uart.Serial.ClearToSend = false;
        uart.Data = 'a';
        Assert.Equal(0u, uart.Fr & Pl011Bench.TransmitterEmpty);

        uart.Serial.ClearToSend = true;

        Assert.Equal("a"u8.ToArray(), await uart.TakeAsync(1));
        Assert.Equal(Pl011Bench.TransmitterEmpty, uart.Fr & Pl011Bench.TransmitterEmpty);
    }

    [Fact]
    public async Task Input_ReceiverOff_WaitsAndIsNotLost()
    {
        using var uart = new Pl011Bench();
        uart.Cr = 0x0101;
        await uart.SendAsync(1, 2);
        Assert.Equal(Pl011Bench.ReceiverEmpty, uart.Fr & Pl011Bench.ReceiverEmpty);

        uart.Cr = 0x0301;

        Assert.Equal(1u, uart.Data);
        Assert.Equal(2u, uart.Data);
    }

    [Fact]
    public async Task Ended_HostsReader_GetsTheRestAndTheEnd()
    {
        using var uart = new Pl011Bench();
        uart.Data = 'z';

        uart.Bench.End();

        ReadResult read = await uart.Serial.Pipe.Input.ReadAtLeastAsync(2).AsTask().Within("the end");
        Assert.True(read.IsCompleted);
        Assert.Equal(1, read.Buffer.Length);
    }

    [Fact]
    public void Accesses_InSteadyState_AllocateNothing()
    {
        using var serial = new SerialPortPl011();
        serial.Write(0x030, [0x81, 0x03, 0, 0]); // loopback

        Assert.Equal(0, Allocations.Least(() => Exchange(serial, 10_000)));
    }

    private static void Exchange(SerialPortPl011 serial, int count)
    {
        Span<byte> word = stackalloc byte[4];
        for (int i = 0; i < count; i++)
        {
            word.Fill((byte)i);
            serial.Write(0x000, word);
            serial.Read(0x018, word);
            serial.Read(0x000, word);
            Assert.True(word[0] == (byte)i, "The loopback gave another character.");
        }
    }

    private static byte Pattern(int index) => (byte)((index * 7) ^ (index >> 8));

    private static void AssertPattern(byte[] bytes, int count)
    {
        Assert.Equal(count, bytes.Length);
        for (int i = 0; i < count; i++)
        {
            Assert.True(bytes[i] == Pattern(i), $"Byte {i} is {bytes[i]}.");
        }
    }
}
