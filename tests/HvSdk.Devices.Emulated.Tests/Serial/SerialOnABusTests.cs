using System.IO.Pipelines;
using System.Text;
using HvSdk.Devices.Emulated.Tests.Streams;
using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>The serial port on a partition's bus without a machine, as the package's README has it.</summary>
public sealed class SerialOnABusTests
{
    [Fact]
    public async Task Readme_Sample_Works()
    {
        var backend = new ScriptedBackend();
        using Hypervisor hypervisor = Hypervisor.Open(backend);
        using Partition partition = hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.Full });
        using var serial = new SerialPort16550A { Interrupt = partition.Interrupts.GetLine(4) };
        partition.Ports.Map(serial.Port, SerialPort16550A.PortCount, serial);
        bool interrupted = false;
        backend.Vcpu(0)
            .PortWrite(0x3FC, 0x08) // MCR: OUT2 lets the interrupt through
            .PortWrite(0x3F9, 0x01) // IER: received data
            .PortWrite(0x3F8, '>')
            .Do(() =>
            {
                serial.Pipe.Output.AsStream().Write("root\n"u8);
                interrupted = backend.Partitions[0].IsAsserted(4);
            })
            .PortRead(0x3F8, out ScriptedAnswer answer)
            .Halt();

        using (Vcpu vcpu = partition.CreateVcpu(0))
        {
            vcpu.Run();
        }

        ReadResult output = await serial.Pipe.Input.ReadAsync().AsTask().Within("the guest's prompt");
        Assert.Equal(">", Encoding.ASCII.GetString(output.Buffer.FirstSpan));
        Assert.True(interrupted);
        Assert.Equal((ulong)'r', answer.Value);
    }

    [Fact]
    public async Task BothDirections_AtOnceFromTwoVcpus_LoseNothing()
    {
        const int Count = 1 << 16;
        using var serial = new SerialPort16550A { Interrupt = new RecordingLine() };
        serial.Write(2, [0x81]);
        serial.Write(4, [0x08]);
        serial.Write(1, [0x0F]);
        Task<byte[]> output = serial.Pipe.Input.TakeAsync(Count);
        Task<FlushResult> input = Task.Run(async () => await serial.Pipe.Output.WriteAsync(new byte[Count]));

        Task sender = Task.Run(() =>
        {
            byte[] status = new byte[1];
            for (int i = 0; i < Count; i++)
            {
                do
                {
                    serial.Read(5, status);
                }
                while ((status[0] & 0x20) == 0);
                serial.Write(0, [(byte)i]);
            }
        });
        Task<int> receiver = Task.Run(() =>
        {
            byte[] data = new byte[1];
            int received = 0;
            while (received < Count)
            {
                serial.Read(5, data);
                if ((data[0] & 0x01) != 0)
                {
                    serial.Read(0, data);
                    received++;
                }

                serial.Read(2, data);
            }

            return received;
        });

        byte[] bytes = await output.Within("the guest's bytes");
        Assert.Equal(Count, await receiver.Within("the host's bytes"));
        await input.Within("the host's write");
        await sender;
        for (int i = 0; i < Count; i++)
        {
            Assert.True(bytes[i] == (byte)i, $"Byte {i} is {bytes[i]}.");
        }
    }
}
