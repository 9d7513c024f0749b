// A virtio device of our own, and a driver for it that needs no guest and no hypervisor: the way to develop one, and to test it.
// In a machine it is: VirtualMachine.CreateBuilder(hypervisor).AddVirtio(new WordCounter())...
using System.Buffers.Binary;
using CustomVirtioDevice;
using HvSdk.Devices.Virtio;
using HvSdk.Testing;

string[] texts = ["to be or not to be", "that is the question", ""];

using var bench = new VirtioPciBench(new VirtioPci(new WordCounter()));
bench.Driver.Start();
VirtqueueDriver queue = bench.Driver.Queues[0];
foreach (string text in texts)
{
    byte[] answer = queue.Exchange(System.Text.Encoding.UTF8.GetBytes(text), sizeof(int));
    Console.WriteLine($"{BinaryPrimitives.ReadInt32LittleEndian(answer)} words: {text}");
}

// A driver that lies: a buffer beyond the guest's memory. The device asks to be reset, and nothing else happens.
queue.Add(new DriverBuffer(Address: 1UL << 40, Length: 8, IsWritable: false));
queue.Notify();
SpinWait.SpinUntil(() => bench.Driver.NeedsReset, TimeSpan.FromSeconds(10));
Console.WriteLine(bench.Driver.NeedsReset ? "A lie was found out." : "A lie was not found out.");

bench.Driver.Start();
Console.WriteLine($"It works again, and has counted {bench.Driver.ReadConfiguration(0, sizeof(int))} texts.");
